// Farms of many nodes over days. The timers of the programs, which a real farm spends on noticing within milliseconds, are
// stretched to what hours of repair need; delays of repair and everything else are as in a real farm.

import { membershipLimits } from "../../src/network/membership/membership-limits.ts";
import type { Address } from "../../src/protocol/address.ts";
import { type Random, seededRandom } from "../../src/runtime/random.ts";
import { replicationLimits } from "../../src/vault-node/replication/replication-limits.ts";
import { type CopiesRules, createCopiesRules } from "./copies-rules.ts";
import type { Scenario } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { bootstrapOf, type SimWorld } from "./sim-world.ts";
import type { Trace } from "./trace.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const hoursPerDay = 24;

const chunkCount = 500;
const readsPerStep = 20;
/** Looks at all chunks: what is below `min` at two of them in a row was not made again within the bound. */
const looksPerHour = 3;
/** A node fails once in so many hours: far more often than real ones, so that days show what years do. */
const hoursBetweenFailures = 100;
/** A drain a day for so many nodes. */
const nodesPerDailyDrain = 60;
/** Copies that rot a day, for each node: thousands of times as often as on real disks, so that some are met while nodes fail. */
const rotsPerNodeDay = 0.2;

/** Each hour has its weather: up to so many of its messages are lost, and each is late by up to so much, milliseconds. */
const lossMax = 0.01;
const lateMaxMs = 200;

export type DaysFarm = { readonly nodes: number; readonly vaultsPerNode: number };

/** Options for such a farm over so many days. */
export function daysOptions(seed: number, farm: DaysFarm, days: number): SimOptions {
  return {
    ...defaultSimOptions,
    ...farm,
    ...{ scenario: "days", seed, steps: days * hoursPerDay, placesPerVault: 16, startApartMs: 2 * second },
    membership: {
      ...membershipLimits,
      ...{ tickMs: minute, reconcileEveryMs: 20 * minute, redialMaxMs: 10 * minute, forwardDelayMs: second },
      ...{ tellEveryMs: 30 * minute, testimonyMs: 90 * minute },
    },
    announcer: {
      ...{ lookEveryMs: minute, diskEveryMs: hour, figuresEveryMs: 24 * hour },
      ...{ repairFiguresEveryMs: 24 * hour, copiesEveryMs: 24 * hour, scoresEveryMs: 24 * hour },
    },
    pointers: { tickMs: minute },
    reconciliation: { roundMs: 48 * hour, turnMsMin: minute, auditEveryMs: 48 * hour },
    replication: { ...replicationLimits, tickMs: minute, everythingEveryMs: 24 * hour },
  };
}

/** How a failed node goes on: most are back at once, some after hours, some never. */
const outages = [
  { name: "blinks", share: 0.6, hours: 0 },
  { name: "is out for hours", share: 0.3, hours: 3 },
  { name: "dies", share: 0.1, hours: Number.POSITIVE_INFINITY },
] as const;

type Days = {
  readonly world: SimWorld;
  readonly rules: CopiesRules;
  readonly trace: Trace;
  /** Draws the weather, so that what fails when is the same in any. */
  readonly weather: Random;
  readonly counts: Map<string, number>;
  /** When nodes that are down come back: the hour. */
  readonly backAt: Map<SimNode, number>;
  /** Nodes that drain, since when. */
  readonly draining: Map<SimNode, number>;
  /** Copies that rotted. */
  readonly rotten: { readonly node: SimNode; readonly address: Address }[];
  hour: number;
};

/** Days about to begin. */
export function createDays(world: SimWorld, trace: Trace): Scenario {
  const rules = createCopiesRules(world);
  const days: Days = {
    ...{ world, rules, trace, weather: seededRandom(world.options.seed ^ 0xdaee) },
    ...{ counts: new Map(), backAt: new Map(), draining: new Map(), rotten: [], hour: 0 },
  };
  return {
    step: async () => {
      if (days.hour === 0) await fill(days);
      days.hour += 1;
      changeWeather(days);
      await comeBack(days);
      await fail(days);
      await drain(days);
      rot(days);
      await watch(days);
      await rules.readable(readsPerStep);
    },
    settle: () => settle(days),
    counts: () => ({
      ...Object.fromEntries(days.counts),
      "bytes moved": rules.moved(),
      "chunks checked": rules.checked(),
      ...world.upkeep,
    }),
  };
}

async function fill({ world, rules }: Days): Promise<void> {
  for (let i = 0; i < chunkCount; i += 1) await rules.put();
  await world.clock.advance(10 * minute);
}

function say({ trace, counts }: Days, what: string, node: SimNode): void {
  trace.write(`node ${node.number} ${what}`);
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function changeWeather({ world, weather, trace }: Days): void {
  const faults = { lossRate: weather.fraction() * lossMax, delayMs: [1, 1 + weather.fraction() * lateMaxMs] as const };
  world.network.setFaults(faults);
  trace.write(`${(faults.lossRate * 100).toFixed(2)} % of messages are lost, all are up to ${faults.delayMs[1].toFixed(0)} ms late`);
}

async function comeBack(days: Days): Promise<void> {
  for (const [node, hourOf] of days.backAt) {
    if (hourOf > days.hour) continue;
    days.backAt.delete(node);
    await start(days, node);
  }
}

async function start(days: Days, node: SimNode): Promise<void> {
  say(days, "comes back", node);
  await node.start(bootstrapOf(days.world.nodes));
}

async function fail(days: Days): Promise<void> {
  const { world } = days;
  const { random, clock } = world;
  for (const node of world.nodes.filter((one) => one.up() && !days.draining.has(one))) {
    if (random.fraction() >= 1 / hoursBetweenFailures) continue;
    let left = random.fraction();
    const outage = outages.find(({ share }) => {
      left -= share;
      return left < 0;
    });
    if (outage === undefined) continue;
    say(days, outage.name, node);
    await node.crash();
    await clock.advance(random.fraction() * minute);
    if (outage.hours === 0) await start(days, node);
    else if (Number.isFinite(outage.hours)) days.backAt.set(node, days.hour + outage.hours);
    else say(days, "joins in its place", await world.grow());
  }
}

/** A drain ends within the hour: then the node is not needed any more, and goes. */
async function drain(days: Days): Promise<void> {
  const { world, rules, draining } = days;
  for (const [node, since] of draining) {
    if (since === days.hour) continue;
    rules.drained(node);
    say(days, "is drained and goes", node);
    draining.delete(node);
    await node.stop();
    say(days, "joins in its place", await world.grow());
  }
  const perHour = world.nodes.length / nodesPerDailyDrain / hoursPerDay;
  if (world.random.fraction() >= perHour) return;
  const up = world.nodes.filter((node) => node.up());
  const node = up[Math.floor(world.random.fraction() * up.length)];
  if (node === undefined) return;
  say(days, "drains", node);
  node.want("draining");
  draining.set(node, days.hour);
}

/** A copy of a chunk rots unseen: of one that is sound on as many other running nodes as a farm at rest has. */
function rot(days: Days): void {
  const { world, rules, rotten } = days;
  if (world.random.fraction() >= (world.nodes.length * rotsPerNodeDay) / hoursPerDay) return;
  const chunks = rules.chunks();
  const address = chunks[Math.floor(world.random.fraction() * chunks.length)];
  if (address === undefined) return;
  const holders = world.nodes.filter((one) => one.up() && one.keeps(address));
  const [node] = holders;
  if (node === undefined || holders.length <= world.genesis.copies.min) return;
  say(days, "has a copy that rots", node);
  rotten.push({ node, address });
  node.rot(address);
}

/** What rotted and was not met by audits or the scrub, whose round takes a week, is met now, and must be sound again soon. */
async function healRot({ world, rules, rotten }: Days): Promise<void> {
  const nodes = rotten.filter(({ node, address }) => node.up() && node.claims(address) && !node.keeps(address));
  for (const { node, address } of nodes) await world.clock.runUntil(world.readFrom(node, address));
  await world.clock.advance(10 * minute);
  for (const { node } of nodes) rules.allSound(node);
}

async function watch({ world, rules }: Days): Promise<void> {
  let below: ReadonlySet<string> = new Set();
  for (let look = 0; look < looksPerHour; look += 1) {
    rules.liveCopy();
    await world.clock.advance(hour / looksPerHour);
    rules.raise();
    below = rules.minAgainBut(below);
  }
}

async function settle(days: Days): Promise<void> {
  const { world, rules } = days;
  days.hour = Number.POSITIVE_INFINITY;
  world.network.setFaults({ lossRate: 0, delayMs: [1, 5] });
  for (const node of days.draining.keys()) node.want("active");
  await comeBack(days);
  await healRot(days);
  await world.clock.advance(2 * hour);
  rules.raise();
  rules.targetAgain();
  await rules.readable(Number.POSITIVE_INFINITY);
  const before = rules.moved();
  await world.clock.advance(2 * hour);
  rules.atRest(before, "in a farm that was whole");
}
