// Proves that the room for requests which a lane was granted is given back, also where two lanes from one peer were being opened at
// once since its connection closed meanwhile. The worker and the peer are stand-ins.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import { createIncomingLanes } from "./incoming-lanes.ts";
import type { LaneBase } from "./lane-base.ts";
import type { ToLaneWorker } from "./lane-messages.ts";
import { createGrants } from "./lane-window.ts";
import { makeOffer, openLaneBody } from "./open-lane.ts";
import { transportLimits } from "./transport-limits.ts";

const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32)).publicKey);
const nobody = (): never => assert.fail("nothing of this is asked for");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what lanes that were opened at once were granted is given back when both have ended", async () => {
  const grants = createGrants(2 * transportLimits.lanePutsMax);
  const posted: ToLaneWorker[] = [];
  const answers: ((body: Uint8Array) => void)[] = [];
  let lanes = 0;
  const base: LaneBase = {
    ...{ clock: systemClock, log: silentLog, random: systemRandom, limits: transportLimits, grants },
    ...{ onTraffic: nobody, discard: nobody, remoteIp: () => "127.0.0.1" },
    ask: () => new Promise((resolve) => answers.push(resolve)),
    nextLane: () => {
      lanes += 1;
      return lanes;
    },
    serve: () => ({ serve: nobody, close: () => {} }),
    thread: { ...{ start: nobody, port: () => 0, ready: async () => {}, stop: nobody }, post: (message) => void posted.push(message) },
  };
  const incoming = createIncomingLanes(base);
  const receive = (transfer: number): void =>
    void incoming.receive({ peer, transfer, lengths: [3] }, new AbortController().signal).catch(() => {});
  receive(1);
  await turn();
  incoming.drop(peer);
  receive(2);
  await turn();
  for (const answer of answers) answer(openLaneBody({ offer: makeOffer(4002, systemRandom), window: 0 }));
  await turn();
  assert.deepEqual(
    posted.filter(({ type }) => type === "dial").map((message) => "lane" in message && message.lane),
    [1, 2],
  );
  for (const lane of [1, 2]) incoming.opened(lane);
  await turn();
  for (const lane of [1, 2]) incoming.closed(lane, "over");
  await turn();
  assert.deepEqual(
    [grants.take(transportLimits.lanePutsMax).bytes, grants.take(transportLimits.lanePutsMax).bytes],
    [transportLimits.lanePutsMax, transportLimits.lanePutsMax],
  );
});
