// Proves that no window of time holds more bytes than its length and the second before it allow, beside the last send of
// the window, that whoever asks without a pause loses nothing of the rate, and that waiting ends with the signal. Method:
// sends of any size at any time, many at once, on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createBytePace } from "./byte-pace.ts";

type Ask = { readonly afterMs: number; readonly bytes: number };
type Send = { readonly atMs: number; readonly bytes: number };

const rate = 1000 * 1024;
const unusedMs = 1000;
const never = new AbortController().signal;
const asks = fc.array(fc.record({ afterMs: fc.oneof(fc.constant(0), fc.nat(5000)), bytes: fc.integer({ min: 1, max: 4 * 2 ** 20 }) }), {
  minLength: 1,
  maxLength: 40,
});
// Sums of fractions of a millisecond.
const roundingMs = 0.001;

/** When each of the asks was let go; all wait side by side. */
async function sendsOf(list: readonly Ask[]): Promise<readonly Send[]> {
  const clock = createVirtualClock();
  const pace = createBytePace(clock, rate);
  const sends: Send[] = [];
  const waiting: Promise<void>[] = [];
  for (const { afterMs, bytes } of list) {
    await clock.advance(afterMs);
    waiting.push(pace.take(bytes, never).then(() => void sends.push({ atMs: clock.monotonicMs(), bytes })));
  }
  await clock.runUntil(Promise.all(waiting));
  return sends;
}

test("no window holds more than the rate times its length and the second before it, beside its last send", () =>
  fc.assert(
    fc.asyncProperty(asks, async (list) => {
      const sends = await sendsOf(list);
      for (const [first, { atMs: fromMs }] of sends.entries()) {
        let before = 0;
        for (const { atMs, bytes } of sends.slice(first)) {
          const allowed = (rate * (atMs - fromMs + unusedMs + roundingMs)) / 1000;
          assert.ok(before <= allowed, `${before} bytes before ${atMs} ms since ${fromMs} ms, ${allowed} are allowed`);
          before += bytes;
        }
      }
    }),
    { seed: 5, numRuns: 300 },
  ));

test("whoever asks without a pause gets the whole rate, in the order of asking", () =>
  fc.assert(
    fc.asyncProperty(asks, async (list) => {
      const sends = await sendsOf(list.map(({ bytes }) => ({ afterMs: 0, bytes })));
      assert.deepEqual(
        sends.map(({ bytes }) => bytes),
        list.map(({ bytes }) => bytes),
      );
      const before = list.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
      const lastMs = sends.at(-1)?.atMs ?? Number.NaN;
      assert.ok(lastMs <= (before / rate) * 1000 + roundingMs, `the last of ${before} bytes waited until ${lastMs} ms`);
    }),
    { seed: 5, numRuns: 100 },
  ));

test("what was not used is lost after a second: an hour without a send lets no more go at once", async () => {
  const sends = await sendsOf([{ afterMs: 3_600_000, bytes: rate }, ...Array.from({ length: 3 }, () => ({ afterMs: 0, bytes: rate }))]);
  assert.deepEqual(
    sends.map(({ atMs }) => atMs - 3_600_000),
    [0, 0, 1000, 2000],
  );
});

test("a wait ends with its signal, and those behind it are not held longer than if it had gone", async () => {
  const clock = createVirtualClock();
  const pace = createBytePace(clock, rate);
  await clock.runUntil(Promise.all([pace.take(rate, never), pace.take(rate, never)]));
  const gaveUp = new AbortController();
  const refused = assert.rejects(pace.take(rate, gaveUp.signal), /gave up/);
  const next = pace.take(1, never).then(() => clock.monotonicMs());
  gaveUp.abort(new Error("gave up"));
  await refused;
  assert.ok((await clock.runUntil(next)) <= 2000);
});
