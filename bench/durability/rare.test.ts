// Proves the weighed histories: against the exact chain where both draw the same, against plain draws where losses are
// common, and against the closed form of what fixed times change. Seeds are fixed; bounds are four to six standard errors.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Random, seededRandom } from "../../src/runtime/random.ts";
import { type DurabilityCase, failuresPerHour, hoursPerYear, lossPerYear, simulatedHoursToLoss } from "./model.ts";
import { drawnLossPerYear } from "./rare.ts";

const delayHours = { enough: 5 / 60, few: 0.5 / 60, fewest: 0.05 / 60 };
const base: DurabilityCase = { target: 5, min: 4, failuresPerHour: failuresPerHour(0.1), movingHours: 6, delayHours };
const runs = 40_000;

test("the same chain, drawn: the exact chance of 2 to 8 copies lies within the interval, widened twice", () => {
  for (const target of [2, 3, 4, 5, 8])
    for (const movingHours of [1 / 6, 72]) {
      const one = { ...base, target, movingHours };
      const { chance, low, high } = drawnLossPerYear(one, "chance", seededRandom(target), runs);
      const exact = lossPerYear(one);
      const facts = `${target} copies: drawn ${chance} (${low} to ${high}), exact ${exact}`;
      assert.ok(exact > chance - 2 * (chance - low) && exact < chance + 2 * (high - chance), facts);
      assert.ok(high / low < 1.15, `too wide to say anything: ${facts}`);
    }
});

test("losses so common that plain draws find them: the weighed ones find as many, with either kind of time", () => {
  // A year of which a loss is not certain: the chance of one is what is compared.
  const common = { ...base, target: 3, min: 3, failuresPerHour: 0.002, movingHours: 24 };
  const plain = 1 / simulatedHoursToLoss(common, seededRandom(1), 4_000);
  const drawn = drawnLossPerYear(common, "chance", seededRandom(2), runs);
  assert.ok(Math.abs(rate(drawn.chance) / plain - 1) < 0.08, `drawn ${rate(drawn.chance)}, plain ${plain}`);
  // And one where the wait is most of a copy's time, and is cut short when the next copy is lost.
  const waiting = { ...common, min: 2, movingHours: 6, delayHours: { enough: 30, few: 12, fewest: 1 } };
  for (const one of [common, waiting]) {
    const fixed = drawnLossPerYear(one, "fixed", seededRandom(3), runs);
    const plainFixed = 1 / plainFixedHoursToLoss(one, seededRandom(4), 4_000);
    assert.ok(Math.abs(rate(fixed.chance) / plainFixed - 1) < 0.08, `drawn ${rate(fixed.chance)}, plain ${plainFixed}`);
  }
});

test("fixed times: all other copies must fail within one, which is (target - 1)! times rarer than the chain has it", () => {
  // Waits of no length, and failures so rare that no loss has a repair in between.
  const noWait = { enough: 0, few: 0, fewest: 0 };
  for (const [target, factor] of [
    [3, 2],
    [4, 6],
    [5, 24],
    [8, 5040],
  ] as const) {
    const one = { ...base, target, delayHours: noWait, failuresPerHour: failuresPerHour(0.001) };
    const { chance, low, high } = drawnLossPerYear(one, "fixed", seededRandom(target), runs);
    const expected = lossPerYear(one) / factor;
    assert.ok(expected > chance - 2 * (chance - low) && expected < chance + 2 * (high - chance), `${target}: ${chance}, ${expected}`);
  }
});

function rate(chance: number): number {
  return -Math.log1p(-chance) / hoursPerYear;
}

/** Each copy its own clock of failure, drawn when it is made; one copy being made at a time: written apart from what it checks. */
function plainFixedHoursToLoss(one: DurabilityCase, random: Random, histories: number): number {
  const life = (): number => -Math.log1p(-random.fraction()) / one.failuresPerHour;
  const wait = (live: number): number =>
    live >= one.min ? one.delayHours.enough : live === one.min - 1 ? one.delayHours.few : one.delayHours.fewest;
  let sum = 0;
  for (let history = 0; history < histories; history += 1) {
    let now = 0;
    let ends = Array.from({ length: one.target }, life);
    let moves = Number.POSITIVE_INFINITY;
    while (ends.length > 0) {
      const next = Math.min(...ends);
      if (next < moves + one.movingHours) {
        now = next;
        ends = ends.filter((end) => end !== next);
        if (now < moves) moves = Math.min(moves, now + wait(ends.length));
      } else {
        now = moves + one.movingHours;
        ends = [...ends, now + life()];
        moves = ends.length < one.target ? now + wait(ends.length) : Number.POSITIVE_INFINITY;
      }
    }
    sum += now;
  }
  return sum / histories;
}
