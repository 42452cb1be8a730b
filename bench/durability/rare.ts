// Losses too rare to be drawn plainly, drawn all the same: failures made likelier than they are, and each history weighed
// by how much likelier it was made (importance sampling: Heidelberger, Fast Simulation of Rare Events, 1995).
import { strict as assert } from "node:assert";
import type { Random } from "../../src/runtime/random.ts";
import { type DurabilityCase, hoursPerYear, repairsPerHour } from "./model.ts";

/**
 * How long one copy takes. `chance`: exponential with the mean of the computed chain, begun anew at each failure. `fixed`: the
 * wait and the moving take just their time, a failure meanwhile shortens the wait to that of the copies left, and a copy
 * being moved arrives when it would have.
 */
export type RepairTimes = "chance" | "fixed";

/** A chance in a year with its 95 % interval. */
export type Estimate = { readonly chance: number; readonly low: number; readonly high: number };

type Step = { readonly fails: boolean; readonly hours: number; readonly weight: number };
type Copy = { readonly wait: number; readonly moving: number };

// Seven of ten copies are forced to be lost before the next is made: eight in a row are then often enough, and a history
// that got well in between weighs at most 1 / 0.3 more for each copy made.
const forcedShare = 0.7;
// Half of the forced failures fall evenly within the copy's time: without them a late failure could weigh any amount.
const evenShare = 0.5;
const z95 = 1.96;

/**
 * The chance of a loss in a year from `runs` weighed histories. A history begins with the first failure and ends at `target`
 * or at no copy; a loss comes, by renewal, once in (mean time of a history, with the wait before it) / (share of losses).
 */
export function drawnLossPerYear(one: DurabilityCase, times: RepairTimes, random: Random, runs: number): Estimate {
  assert(one.target >= 2 && runs >= 2, "a history needs a copy left after the first failure, an interval two histories");
  const losses = meanOf(runs, () => history(one, times, random, forcedShare).loss);
  const below = meanOf(runs, () => history(one, times, random, 0).hours);
  const cycleHours = 1 / (one.target * one.failuresPerHour) + below.mean;
  const half = z95 * Math.hypot(losses.error / losses.mean, below.error / cycleHours);
  const chance = (factor: number): number => -Math.expm1((-hoursPerYear * losses.mean * factor) / cycleHours);
  return { chance: chance(1), low: chance(Math.max(0, 1 - half)), high: chance(1 + half) };
}

function meanOf(runs: number, draw: () => number): { readonly mean: number; readonly error: number } {
  let mean = 0;
  let squares = 0;
  for (let run = 1; run <= runs; run += 1) {
    const value = draw();
    const off = value - mean;
    mean += off / run;
    squares += off * (value - mean);
  }
  return { mean, error: Math.sqrt(squares / (runs - 1) / runs) };
}

/** One period below target: its hours, and its weight if it ended in a loss, else 0. `force` 0 draws it as it is. */
function history(
  one: DurabilityCase,
  times: RepairTimes,
  random: Random,
  force: number,
): { readonly hours: number; readonly loss: number } {
  let live = one.target - 1;
  let copy = begun(one, live);
  let hours = 0;
  let weight = 1;
  while (live > 0 && live < one.target) {
    const failing = live * one.failuresPerHour;
    const step =
      times === "chance"
        ? stepByChance(failing, repairsPerHour(one, live), random, force)
        : stepFixed({ failing, live, within: copy.wait + copy.moving }, random, force);
    hours += step.hours;
    weight *= step.weight;
    live += step.fails ? -1 : 1;
    copy = step.fails ? goesOn(copy, step.hours, begun(one, live)) : begun(one, live);
  }
  return { hours, loss: live === 0 ? weight : 0 };
}

function begun(one: DurabilityCase, live: number): Copy {
  if (live === 0 || live >= one.target) return { wait: 0, moving: 0 };
  return { wait: 1 / repairsPerHour(one, live) - one.movingHours, moving: one.movingHours };
}

function goesOn(copy: Copy, hours: number, anew: Copy): Copy {
  if (hours < copy.wait) return { wait: Math.min(copy.wait - hours, anew.wait), moving: copy.moving };
  return { wait: 0, moving: copy.wait + copy.moving - hours };
}

// Only which comes first is forced: the time of a step says nothing of what follows in this chain.
function stepByChance(failing: number, repairing: number, random: Random, force: number): Step {
  const real = failing / (failing + repairing);
  const forced = Math.max(real, force);
  const fails = random.fraction() < forced;
  const hours = -Math.log1p(-random.fraction()) / (failing + repairing);
  return { fails, hours, weight: fails ? real / forced : (1 - real) / (1 - forced) };
}

type Race = { readonly failing: number; readonly live: number; readonly within: number };

function stepFixed({ failing, live, within }: Race, random: Random, force: number): Step {
  const real = -Math.expm1(-failing * within);
  const forced = Math.max(real, force);
  if (random.fraction() >= forced) return { fails: false, hours: within, weight: (1 - real) / (1 - forced) };
  if (force === 0) return { fails: true, hours: -Math.log1p(-random.fraction() * real) / failing, weight: 1 };
  // The other half like the first of `live` even draws, which is where it falls if all that are left fail within this time.
  const even = random.fraction() < evenShare;
  const part = even ? random.fraction() : 1 - (1 - random.fraction()) ** (1 / live);
  const density = (evenShare + (1 - evenShare) * live * (1 - part) ** (live - 1)) / within;
  return { fails: true, hours: part * within, weight: (failing * Math.exp(-failing * part * within)) / (forced * density) };
}
