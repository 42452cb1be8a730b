// How likely a chunk is lost for good: the chain of a chunk's live copies, its mean time to loss, and a year's chance.
// Copies fail on their own and independently; what is missing is made again after the repair delay and the time of moving.
import { strict as assert } from "node:assert";
import type { Random } from "../../src/runtime/random.ts";

/** All rates by the hour. */
export type DurabilityCase = {
  /** Copies that should be. */
  readonly target: number;
  /** Copies that must be; decides how long a loss is waited out. */
  readonly min: number;
  /** Failures for good of one node in an hour: a yearly rate `a` is `-ln(1 - a) / 8766`. */
  readonly failuresPerHour: number;
  /** Hours until one missing copy is made, once its turn has come: the moving of bytes. */
  readonly movingHours: number;
  /** Hours a silence is waited out with at least `min`, with `min` − 1, and with fewer live copies (protocol: 5 min, 30 s, 3 s). */
  readonly delayHours: { readonly enough: number; readonly few: number; readonly fewest: number };
};

export const hoursPerYear = 8766;

/** A yearly chance of failing as a rate by the hour. */
export function failuresPerHour(perYear: number): number {
  assert(perYear > 0 && perYear < 1, "a yearly chance lies between 0 and 1");
  return -Math.log1p(-perYear) / hoursPerYear;
}

/** Copies made by the hour while `live` are left. One at a time, however many are missing: the cautious reading. */
export function repairsPerHour(one: DurabilityCase, live: number): number {
  if (live >= one.target || live === 0) return 0;
  const { enough, few, fewest } = one.delayHours;
  const delay = live >= one.min ? enough : live === one.min - 1 ? few : fewest;
  return 1 / (delay + one.movingHours);
}

/**
 * Mean hours until no copy is left, beginning with `target`: the absorption time of a birth-death chain. With failure rate
 * f(i) = i × λ and repair rate r(i), the time to go from i to i − 1 is t(i) = (1 + r(i) × t(i + 1)) / f(i), and the sum of
 * all t(i) is the time to loss (Karlin & Taylor, A First Course in Stochastic Processes, 4.7).
 */
export function meanHoursToLoss(one: DurabilityCase): number {
  let stepDown = 0;
  let sum = 0;
  for (let live = one.target; live >= 1; live -= 1) {
    stepDown = (1 + repairsPerHour(one, live) * stepDown) / (live * one.failuresPerHour);
    sum += stepDown;
  }
  return sum;
}

/** The chance that one chunk is lost within a year. */
export function lossPerYear(one: DurabilityCase): number {
  return -Math.expm1(-hoursPerYear / meanHoursToLoss(one));
}

/**
 * The chance that anything at all is lost within a year, at most: the sum over all sets of nodes that share chunks. A farm
 * of n nodes has no more such sets than it has chunks, nor than n over `target`.
 */
export function farmLossPerYear(one: DurabilityCase, farm: { readonly nodes: number; readonly chunks: number }): number {
  const sets = Math.min(farm.chunks, combinations(farm.nodes, one.target));
  return -Math.expm1(sets * Math.log1p(-lossPerYear(one)));
}

function combinations(of: number, taken: number): number {
  let count = 1;
  for (let i = 1; i <= taken; i += 1) count = (count * (of - taken + i)) / i;
  return count;
}

/** The mean hours to loss, drawn `runs` times: what the formula is checked against. */
export function simulatedHoursToLoss(one: DurabilityCase, random: Random, runs: number): number {
  let sum = 0;
  for (let run = 0; run < runs; run += 1) sum += drawLoss(one, random);
  return sum / runs;
}

function drawLoss(one: DurabilityCase, random: Random): number {
  let hours = 0;
  let live = one.target;
  while (live > 0) {
    const failing = live * one.failuresPerHour;
    const repairing = repairsPerHour(one, live);
    hours += -Math.log1p(-random.fraction()) / (failing + repairing);
    live += random.fraction() * (failing + repairing) < failing ? -1 : 1;
  }
  return hours;
}
