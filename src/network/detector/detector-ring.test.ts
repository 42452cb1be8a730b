// Proves how often a detector asks for a session, and whom it takes into its ring: nodes for which something speaks, and those from when on something does. Whoever has
// the network key makes up nodes at will, and a ring full of them would watch nobody. The thread is a stand-in.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../../protocol/genesis.ts";
import { subjectOf } from "../../protocol/heartbeat.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createNodeViews } from "../membership/node-views.ts";
import type { PeerEvent } from "../peers.ts";
import { createDetector } from "./detector.ts";
import { createSuspicionBoard } from "./suspicion-board.ts";
import type { ToDetectorWorker } from "./worker-messages.ts";

const keyOf = (n: number): ReturnType<typeof signingKeyFromSeed> => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peerOf = (n: number): PeerId => peerIdFromPublicKey(keyOf(n).publicKey);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(9));

test("a stranger enters the ring when something speaks for it, and leaves it when nothing does any more", async () => {
  const clock = createVirtualClock();
  const views = createNodeViews(genesis, clock.wallMs, () => {});
  const ring = new Set<string>();
  const heed = (message: ToDetectorWorker): void => {
    if (message.type !== "nodes") return;
    for (const { subject } of message.added) ring.add(subject);
    for (const subject of message.removed) ring.delete(subject);
  };
  const detector = createDetector({
    ...{ clock, random: seededRandom(1), log: silentLog, profile: "lan", network: { id: genesis.networkId } },
    ...{ directory: views.directory, board: createSuspicionBoard(), listen: { ip: "127.0.0.1", port: 0 } },
    ...{ refresh: () => {}, onEvent: () => {}, offend: () => {} },
    peers: {
      self: peerOf(1),
      ...{ handle: () => {}, onEvent: () => () => {}, connected: () => [], remoteIp: () => undefined },
      request: () => assert.fail("nobody is asked"),
    },
    startThread: (_start, { onMessage }) => {
      queueMicrotask(() => onMessage({ type: "listening", port: 1 }));
      return { post: heed, stop: async () => {} };
    },
  });
  await clock.runUntil(detector.start());
  const record = (n: number): ReturnType<typeof createNodeRecord> =>
    createNodeRecord(genesis.networkId, keyOf(n), {
      ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
      ...{ startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [] },
    });
  views.putRecord(record(2), "live");
  views.putRecord(record(3), "suspected", true);
  await clock.advance(100);
  assert.deepEqual(ring, new Set([subjectOf(peerOf(2))]));
  views.setStranger(peerOf(3), false);
  await clock.advance(100);
  assert.deepEqual(ring, new Set([subjectOf(peerOf(2)), subjectOf(peerOf(3))]));
  views.setStranger(peerOf(2), true);
  await clock.advance(100);
  assert.deepEqual(ring, new Set([subjectOf(peerOf(3))]));
  await detector.stop();
});

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
