// Proves when a node tells the network something: at once what presses, from time to time what changed, and nothing where
// nothing did. Method: an announcer over figures that the test sets, on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed, vaultName } from "../protocol/keys.ts";
import type { CopyFigures, NodeFigures } from "../protocol/node-figures.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { silentLog } from "../runtime/log.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { announcerLimits, createAnnouncer } from "./announcer.ts";

const { publicKey } = signingKeyFromSeed(new Uint8Array(32).fill(1));
const peer: PeerId = peerIdFromPublicKey(publicKey);
const whole: CopyFigures = { live: [0, 0, 0, 0, 0, 9], partial: false, repairing: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueMs: null };
const calm: NodeFigures = { copies: whole, suspects: [], seen: [] };

type World = { readonly clock: VirtualClock; readonly said: NodeFigures[]; set(figures: NodeFigures): void; stop(): void };

async function start(): Promise<World> {
  const clock = createVirtualClock();
  const said: NodeFigures[] = [];
  let now = calm;
  const announcer = createAnnouncer({
    conditions: {
      look: () => {},
      all: () => [],
      lookAtDisk: async () => {},
      stateOf: () => "active",
      isFull: () => false,
      hasRoom: () => true,
      desired: () => "active",
      setDesired: () => {},
    },
    clock,
    log: silentLog,
    figures: () => now,
    announce: (_, figures) => void said.push(figures),
  });
  await announcer.start();
  return {
    clock,
    said,
    set: (figures) => {
      now = figures;
    },
    stop: announcer.stop,
  };
}

test("a farm at rest says its figures once, and again only when a score has moved for an hour", async () => {
  const { clock, said, set, stop } = await start();
  await clock.advance(2 * announcerLimits.scoresEveryMs);
  assert.deepEqual(said, [calm]);
  set({ ...calm, seen: [{ vault: vaultName(publicKey), score: 30, conduct: 1000, age: 0 }] });
  await clock.advance(announcerLimits.scoresEveryMs / 2);
  assert.equal(said.length, 2, "an hour had passed");
  set({ ...calm, seen: [{ vault: vaultName(publicKey), score: 31, conduct: 1000, age: 0 }] });
  await clock.advance(announcerLimits.scoresEveryMs / 4);
  assert.equal(said.length, 2, "scores that move are no news for an hour");
  stop();
});

test("missing copies, repair that begins or ends, a suspicion and a bad standing are told with the next sum", async () => {
  const { clock, said, set, stop } = await start();
  const waiting = { ...whole, live: [0, 0, 0, 0, 3, 6], waiting: 3, dueMs: 300_000 };
  const repairing = { ...waiting, waiting: 0, repairing: 3, bytesLeft: 100, etaMs: 4 };
  const bad = [{ vault: vaultName(publicKey), score: 10, conduct: 500, age: 0 }];
  const news: readonly NodeFigures[] = [
    { ...calm, suspects: [peer] },
    { ...calm, suspects: [peer], copies: waiting },
    { ...calm, suspects: [peer], copies: repairing },
    { ...calm, suspects: [peer] },
    { ...calm, suspects: [peer], seen: bad },
  ];
  for (const figures of news) {
    set(figures);
    await clock.advance(announcerLimits.copiesEveryMs + announcerLimits.lookEveryMs);
  }
  assert.deepEqual(said, [calm, ...news]);
  stop();
});

test("counts go out every ten seconds, every four while copies are made; a time that runs down is no news", async () => {
  const { clock, said, set, stop } = await start();
  const figures = (change: Partial<CopyFigures>): NodeFigures => ({ ...calm, copies: { ...whole, ...change } });
  const tell = async (ms: number, change: (n: number) => Partial<CopyFigures>): Promise<number> => {
    const before = said.length;
    for (let n = 0; n < ms / 1000; n += 1) {
      set(figures(change(n)));
      await clock.advance(1000);
    }
    return said.length - before;
  };
  const atRest = await tell(60_000, (n) => ({ live: [0, 0, 0, 0, 0, 9 + n] }));
  assert.ok(atRest >= 5 && atRest <= 6, `${atRest} announcements in a minute`);
  const whileCopying = await tell(60_000, (n) => ({ live: [0, 0, 0, 0, 1, 9], repairing: 1, bytesLeft: 1000 - n }));
  assert.ok(whileCopying >= 11 && whileCopying <= 16, `${whileCopying} announcements in a minute of copying`);
  const told = await tell(60_000, (n) => ({ live: [0, 0, 0, 0, 1, 9], waiting: 1, dueMs: 300_000 - n * 1000 }));
  assert.ok(told <= 2, `${told} announcements of a time that runs down`);
  stop();
});
