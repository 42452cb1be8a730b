// Proves that addresses at which nobody answers never keep a node from trying those it is told of later.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createBootstrap } from "./bootstrap.ts";
import { membershipLimits as limits } from "./membership-limits.ts";

const there = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32)).publicKey);
const addressOf = (libp2p: number): NodeAddress => ({ ip: "10.0.0.1", libp2p, lane: 0, heartbeat: 0 });

test("the newest addresses are tried, however many before them never answered", async () => {
  const clock = createVirtualClock();
  const answered: PeerId[] = [];
  const dial = async ({ libp2p }: NodeAddress): Promise<PeerId> => {
    if (libp2p === 9_999) return there;
    throw new Error("nobody there");
  };
  const parts = { clock, random: seededRandom(1), dial, isJoined: () => true, onAnswer: (peer: PeerId) => void answered.push(peer) };
  const bootstrap = createBootstrap(parts, limits);
  bootstrap.start();
  for (let port = 1; port <= limits.bootstrapMax; port += 1) bootstrap.add([addressOf(port)]);
  bootstrap.add([addressOf(9_999)]);
  await clock.advance(1_000);
  assert.deepEqual(answered, [there]);
  bootstrap.stop();
});
