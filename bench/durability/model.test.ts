// Proves the durability model: against draws of the same chain, against the closed form without repair, and that more
// copies, fewer failures and faster repair are never worse.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../src/runtime/random.ts";
import { type DurabilityCase, failuresPerHour, farmLossPerYear, lossPerYear, meanHoursToLoss, simulatedHoursToLoss } from "./model.ts";

const delayHours = { enough: 5 / 60, few: 0.5 / 60, fewest: 0.05 / 60 };
const base: DurabilityCase = { target: 5, min: 4, failuresPerHour: failuresPerHour(0.1), movingHours: 6, delayHours };

test("the formula agrees with draws of the chain", () => {
  // Failures so often that losses come within a few thousand steps.
  for (const target of [1, 2, 3, 4]) {
    const harsh = { ...base, target, min: Math.max(1, target - 1), failuresPerHour: 0.04, movingHours: 4 };
    const drawn = simulatedHoursToLoss(harsh, seededRandom(target), 20_000);
    const computed = meanHoursToLoss(harsh);
    assert.ok(Math.abs(drawn / computed - 1) < 0.05, `${target} copies: drawn ${drawn}, computed ${computed}`);
  }
});

test("without repair the mean is the sum of the single waits", () => {
  const never = { ...base, movingHours: Number.POSITIVE_INFINITY };
  const waits = [1, 2, 3, 4, 5].reduce((sum, live) => sum + 1 / (live * never.failuresPerHour), 0);
  assert.ok(Math.abs(meanHoursToLoss(never) / waits - 1) < 1e-12);
});

test("more copies, fewer failures and faster moving never make loss likelier", () => {
  const cases = fc.record({
    target: fc.integer({ min: 2, max: 8 }),
    yearly: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
    moving: fc.double({ min: 0.1, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(cases, ({ target, yearly, moving }) => {
      const one = { ...base, target, min: target - 1, failuresPerHour: failuresPerHour(yearly), movingHours: moving };
      const least = lossPerYear(one) * (1 + 1e-9);
      assert.ok(lossPerYear({ ...one, failuresPerHour: one.failuresPerHour / 2 }) <= least);
      assert.ok(lossPerYear({ ...one, movingHours: moving / 2 }) <= least);
      assert.ok(lossPerYear({ ...one, target: target + 1 }) <= least);
    }),
  );
});

test("a farm loses something at least as easily as one chunk, and a small farm no more easily than its sets of nodes", () => {
  const one = lossPerYear(base);
  assert.ok(farmLossPerYear(base, { nodes: 100, chunks: 1_000_000 }) >= one);
  assert.ok(Math.abs(farmLossPerYear(base, { nodes: 8, chunks: 1_000_000 }) / (56 * one) - 1) < 1e-6);
});
