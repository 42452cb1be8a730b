// Proves how often a detector asks a peer for a session: one that answers none and connects anew costs no more than one that stays.
// The thread is a stand-in.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createNodeViews } from "../membership/node-views.ts";
import type { PeerEvent } from "../peers.ts";
import { createDetector, type Detector } from "./detector.ts";
import { createSuspicionBoard } from "./suspicion-board.ts";

const keyOf = (n: number): ReturnType<typeof signingKeyFromSeed> => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peerOf = (n: number): PeerId => peerIdFromPublicKey(keyOf(n).publicKey);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(9));

type Scene = {
  readonly clock: VirtualClock;
  readonly detector: Detector;
  readonly high: PeerId;
  tell(event: PeerEvent): void;
  asked: number;
};

/** A detector that runs, connected to one peer that has none. */
async function scene(): Promise<Scene> {
  const clock = createVirtualClock();
  const [low, high] = [peerOf(1), peerOf(2)].sort();
  assert.ok(low !== undefined && high !== undefined);
  const detector = createDetector({
    ...{ clock, random: seededRandom(1), log: silentLog, profile: "lan", network: { id: genesis.networkId } },
    ...{ directory: createNodeViews(genesis, clock.wallMs, () => {}).directory, board: createSuspicionBoard() },
    ...{ listen: { ip: "127.0.0.1", port: 0 }, refresh: () => {}, onEvent: () => {}, offend: () => {} },
    peers: {
      self: low,
      ...{ handle: () => {}, connected: () => [high], remoteIp: () => undefined },
      onEvent: (listener) => {
        made.tell = listener;
        return () => {};
      },
      request: () => {
        made.asked += 1;
        return Promise.reject(new Error("no detector"));
      },
    },
    startThread: (_start, { onMessage }) => {
      queueMicrotask(() => onMessage({ type: "listening", port: 1 }));
      return { post: () => {}, stop: async () => {} };
    },
  });
  const made: Scene = { clock, detector, high, tell: () => {}, asked: 0 };
  await clock.runUntil(detector.start());
  return made;
}

test("a peer without a detector that connects again and again is asked no more often than one that stays", async () => {
  const made = await scene();
  const { clock, detector, high } = made;
  for (let n = 0; n < 100; n += 1) made.tell({ kind: "connected", peer: high });
  await clock.advance(0);
  made.asked = 0;
  await clock.advance(120_000);
  assert.ok(made.asked > 2 && made.asked < 12, `asked ${made.asked} times`);
  await detector.stop();
});

test("a detector that was stopped waits for nothing more, which would keep its program from ending", async () => {
  const { clock, detector } = await scene();
  await clock.advance(10_000);
  await detector.stop();
  const events = clock.events();
  await clock.advance(120_000);
  assert.equal(clock.events(), events);
});
