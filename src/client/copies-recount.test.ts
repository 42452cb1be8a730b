// Proves that copies made elsewhere are found, copies that went are missed, silence changes nothing, and a mended farm is
// left alone. Method: a ledger and a clock of its own, holders that answer from a table.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createCopiesLedger } from "./copies-ledger.ts";
import { createCopiesRecount } from "./copies-recount.ts";
import type { HeldAnswer } from "./held-question.ts";

const policy = { min: 4, target: 5, max: 8 };
const chunk = "c" as Address;
const peers = (names: string): readonly PeerId[] => [...names] as string[] as PeerId[];
const limits = { recountMs: 1_000, recountMaxMs: 8_000, recountChunksMax: 2 };

/** `holding`: who has the chunk in truth; `closest`: who should; `dead`: who is not live; `silent`: who does not answer. */
function scene(truth: { holding: string; closest: string; dead: string; silent: string }) {
  const clock = createVirtualClock();
  const ledger = createCopiesLedger(100);
  const stopping = new AbortController();
  const asked: string[] = [];
  const isLive = (peer: PeerId): boolean => !truth.dead.includes(peer);
  const answer = (peer: PeerId): HeldAnswer => {
    if (truth.silent.includes(peer)) return { kind: "unknown" };
    return truth.holding.includes(peer) ? { kind: "held", size: 1, vouched: false } : { kind: "not-held" };
  };
  const changed = createCopiesRecount({
    ...ledger,
    below: (chunksMax) => ledger.below(policy.target, isLive, chunksMax),
    closest: () => peers(truth.closest).filter(isLive),
    isLive,
    held: {
      ask: async (peer) => {
        asked.push(peer);
        return answer(peer);
      },
    },
    clock,
    limits,
    stopping: stopping.signal,
  });
  return { clock, ledger, changed, asked, stopping, figures: () => ledger.figures(policy, isLive) };
}

test("copies that repair made elsewhere count, and then nobody is asked any more", async () => {
  const { clock, ledger, changed, asked, figures } = scene({ holding: "cdefg", closest: "abcdefg", dead: "ab", silent: "" });
  ledger.note(chunk, peers("abcde"));
  changed();
  assert.deepEqual(figures(), { lowest: 3, belowMin: 1, belowTarget: 1 });
  await clock.advance(limits.recountMs);
  assert.deepEqual(figures(), { lowest: 5, belowMin: 0, belowTarget: 0 });
  const before = asked.length;
  await clock.advance(100_000);
  assert.equal(asked.length, before);
});

test("a holder that says it has no copy does not count; one that is silent still does", async () => {
  const { clock, ledger, changed, figures } = scene({ holding: "abc", closest: "abcde", dead: "", silent: "c" });
  ledger.note(chunk, peers("abcd"));
  changed();
  await clock.advance(limits.recountMs);
  assert.deepEqual(figures(), { lowest: 3, belowMin: 1, belowTarget: 1 });
});

test("while nothing changes the rounds become rare, a change makes them soon again, a stop ends them", async () => {
  const { clock, ledger, changed, asked, stopping } = scene({ holding: "abcd", closest: "abcd", dead: "", silent: "" });
  ledger.note(chunk, peers("abcd"));
  changed();
  await clock.advance(63_000);
  // After 1, 2, 4 and then every 8 s: 1, 3, 7, 15, 23, 31, 39, 47, 55, 63.
  assert.equal(asked.length / 4, 10);
  changed();
  await clock.advance(limits.recountMs);
  assert.equal(asked.length / 4, 11);
  stopping.abort();
  const before = asked.length;
  await clock.advance(100_000);
  assert.equal(asked.length, before);
});

test("a round counts a bounded number of chunks, and the next one goes on behind them", async () => {
  const { clock, ledger, changed } = scene({ holding: "ab", closest: "abcde", dead: "", silent: "" });
  for (const name of ["1", "2", "3"]) ledger.note(name as Address, peers("abcd"));
  changed();
  await clock.advance(limits.recountMs);
  assert.deepEqual(
    ledger.below(3, () => true, 10).map((known) => known.chunk),
    ["1", "2"],
  );
  await clock.advance(limits.recountMs);
  assert.deepEqual(
    ledger
      .below(3, () => true, 10)
      .map((known) => known.chunk)
      .toSorted(),
    ["1", "2", "3"],
  );
});
