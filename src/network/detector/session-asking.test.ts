// Proves how often a detector asks a peer for a session: one that answers none and connects anew costs no more than one that stays.
// The thread is a stand-in.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createNodeViews } from "../membership/node-views.ts";
import type { PeerEvent } from "../peers.ts";
import { createDetector } from "./detector.ts";
import { createSuspicionBoard } from "./suspicion-board.ts";

const keyOf = (n: number): ReturnType<typeof signingKeyFromSeed> => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peerOf = (n: number): PeerId => peerIdFromPublicKey(keyOf(n).publicKey);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(9));

test("a peer without a detector that connects again and again is asked no more often than one that stays", async () => {
  const clock = createVirtualClock();
  const [low, high] = [peerOf(1), peerOf(2)].sort();
  assert.ok(low !== undefined && high !== undefined);
  let tell = (_event: PeerEvent): void => {};
  let asked = 0;
  const detector = createDetector({
    ...{ clock, random: seededRandom(1), log: silentLog, profile: "lan", network: { id: genesis.networkId } },
    ...{ directory: createNodeViews(genesis, clock.wallMs, () => {}).directory, board: createSuspicionBoard() },
    ...{ listen: { ip: "127.0.0.1", port: 0 }, refresh: () => {}, onEvent: () => {}, offend: () => {} },
    peers: {
      self: low,
      ...{ handle: () => {}, connected: () => [high], remoteIp: () => undefined },
      onEvent: (listener) => {
        tell = listener;
        return () => {};
      },
      request: () => {
        asked += 1;
        return Promise.reject(new Error("no detector"));
      },
    },
    startThread: (_start, { onMessage }) => {
      queueMicrotask(() => onMessage({ type: "listening", port: 1 }));
      return { post: () => {}, stop: async () => {} };
    },
  });
  await clock.runUntil(detector.start());
  for (let n = 0; n < 100; n += 1) tell({ kind: "connected", peer: high });
  await clock.advance(0);
  asked = 0;
  await clock.advance(120_000);
  assert.ok(asked > 2 && asked < 12, `asked ${asked} times`);
  await detector.stop();
});
