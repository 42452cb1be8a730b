// Farms whose nodes run the real failure detector over simulated datagrams: nodes die, stand still, are cut off from all or
// from one, flap, wake late, in weather that loses and delays datagrams. Who lives must notice in milliseconds, and nobody
// who lives may be taken for dead.
import { profileOf } from "../../src/network/detector/profiles.ts";
import { membershipLimits } from "../../src/network/membership/membership-limits.ts";
import { createDetectionRules, type DetectionRules } from "./detection-rules.ts";
import { type Scenario, Violation } from "./scenario.ts";
import type { SimLinks } from "./sim-links.ts";
import type { SimNode } from "./sim-node.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { bootstrapOf, type SimWorld } from "./sim-world.ts";
import type { Trace } from "./trace.ts";

/** Nobody confirms in its own first so many milliseconds: two minutes in a real farm, which would be most of a run here. */
const quietMs = 3_000;
/** A death is confirmed within this: told after 300 ms, looked at every 250, asked over connections. */
const confirmMs = 3_000;
/** A node that starts again is connected to all within this. */
const returnMs = 10_000;
/** What timers of Node and the way to the others add to a window. */
const wayMs = 2;
const lookEveryMs = 1;

/** Options for such a farm: profile `cluster` with odd seeds, `lan` with even ones. */
export function detectionOptions(seed: number): SimOptions {
  return {
    ...defaultSimOptions,
    ...{ scenario: "detector", seed, nodes: 10, steps: 20, vaultsPerNode: 1, downMax: 2 },
    detector: seed % 2 === 1 ? "cluster" : "lan",
    membership: { ...membershipLimits, confirmQuietMs: quietMs },
  };
}

type Detection = {
  readonly world: SimWorld;
  readonly links: SimLinks;
  readonly rules: DetectionRules;
  readonly trace: Trace;
  readonly counts: Map<string, number>;
};

/** A farm in which nothing has happened yet. */
export function createDetection(world: SimWorld, trace: Trace): Scenario {
  const { links, options } = world;
  const { detector } = options;
  if (links === undefined || detector === undefined) throw new Error("the scenario needs nodes with a failure detector");
  const { windowMs } = profileOf(detector);
  const rules = createDetectionRules(world, () => windowMs + wayMs + 2 * links.weather().delayMs[1]);
  const detection: Detection = { world, links, rules, trace, counts: new Map() };
  world.onPulse(({ kind }) => void (kind === "dropped" || count(detection, kind)));
  let begun = false;
  return {
    step: async () => {
      if (!begun) await begin(detection);
      begun = true;
      if (world.random.fraction() < 0.4) storm(detection);
      const act = actions[Math.floor(world.random.fraction() * actions.length)];
      await act?.(detection);
      links.heal();
      rules.rejoined();
      await watch(detection, 500);
    },
    settle: () => watch(detection, 2_000),
    counts: () => {
      const { noticedMs, revokedMs } = rules.longest();
      const times = { "noticed within ms": Math.ceil(noticedMs), "revoked within ms": Math.ceil(revokedMs) };
      return { ...Object.fromEntries(detection.counts), ...times };
    },
  };
}

/** Everybody sees everybody, has a session, and may confirm. */
async function begin({ world }: Detection): Promise<void> {
  await world.clock.advance(quietMs + 2_000);
}

function count({ counts }: Detection, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function say(detection: Detection, what: string, ...nodes: readonly SimNode[]): void {
  detection.trace.write(`node ${nodes.map(({ number }) => number).join(" and ")} ${what}`);
  count(detection, what);
}

async function watch({ world, rules }: Detection, forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += lookEveryMs) {
    await world.clock.advance(lookEveryMs);
    rules.look();
  }
}

/** Some of each pair's datagrams are lost, all are late by as much as a quiet network never is. */
function storm({ world, links, trace }: Detection): void {
  const { random } = world;
  const weather = { lossRate: random.fraction() * 0.03, delayMs: [0.05, 0.3 + random.fraction() * 3] as const };
  links.setWeather(weather);
  trace.write(`weather: ${(weather.lossRate * 100).toFixed(1)} % lost, up to ${weather.delayMs[1].toFixed(1)} ms late`);
}

function some({ world }: Detection, howMany: number): readonly SimNode[] {
  const left = [...world.nodes];
  return Array.from({ length: howMany }, () => left.splice(Math.floor(world.random.fraction() * left.length), 1)).flat();
}

function between({ world }: Detection, min: number, max: number): number {
  return min + world.random.fraction() * (max - min);
}

const actions: readonly ((detection: Detection) => Promise<void>)[] = [
  kill,
  killTwo,
  freeze,
  freezeLong,
  cutOff,
  part,
  blockDatagrams,
  flap,
  wakeLate,
];

async function kill(detection: Detection): Promise<void> {
  await die(detection, some(detection, 1));
}

async function killTwo(detection: Detection): Promise<void> {
  await die(detection, some(detection, 2));
}

/** A process is silent at once; its connections close up to 170 ms later, as measured after SIGKILL. */
async function die(detection: Detection, nodes: readonly SimNode[]): Promise<void> {
  const { world, rules } = detection;
  for (const node of nodes) {
    say(detection, "dies", node);
    node.standstill()?.freeze();
    rules.fares(node, "dead");
  }
  await watch(detection, between(detection, 0, 170));
  for (const node of nodes) await node.crash();
  await watch(detection, confirmMs);
  for (const node of nodes) rules.allConfirm(node);
  detection.links.heal();
  for (const node of nodes) {
    say(detection, "comes back", node);
    await node.start(bootstrapOf(world.nodes));
    rules.fares(node, "well");
    await beSeen(detection, node);
  }
  await watch(detection, quietMs);
}

async function beSeen(detection: Detection, node: SimNode): Promise<void> {
  const { world, rules } = detection;
  const untilMs = world.clock.monotonicMs() + returnMs;
  while (!rules.isSeen(node)) {
    if (world.clock.monotonicMs() > untilMs) throw new Violation("seen-again", `node ${node.number} runs again, and not all see it`);
    await watch(detection, 10);
  }
}

async function freeze(detection: Detection): Promise<void> {
  await standStill(detection, some(detection, 1), between(detection, 5, 250));
}

/** So long that it is confirmed, and at times so long that it takes it for a sleep of its own. */
async function freezeLong(detection: Detection): Promise<void> {
  await standStill(detection, some(detection, 1), between(detection, 250, 4_000));
}

async function standStill(detection: Detection, nodes: readonly SimNode[], forMs: number): Promise<void> {
  for (const node of nodes) {
    say(detection, forMs < 250 ? "stands still for a moment" : "stands still", node);
    node.standstill()?.freeze();
    detection.rules.fares(node, "frozen");
  }
  await watch(detection, forMs);
  for (const node of nodes) {
    node.standstill()?.thaw();
    detection.rules.fares(node, "well");
  }
}

async function flap(detection: Detection): Promise<void> {
  const nodes = some(detection, 1);
  for (let round = 0; round < 6; round += 1) {
    await standStill(detection, nodes, between(detection, 20, 80));
    await watch(detection, between(detection, 20, 200));
  }
}

async function cutOff(detection: Detection): Promise<void> {
  const { links, rules } = detection;
  for (const node of some(detection, 1)) {
    say(detection, "is cut off", node);
    links.cut("all", node.peer);
    rules.fares(node, "cut");
    await watch(detection, between(detection, 20, 3_000));
    links.heal();
    rules.fares(node, "well");
  }
}

/** Two that all others reach lose each other. */
async function part(detection: Detection): Promise<void> {
  await separate(detection, "all");
}

async function blockDatagrams(detection: Detection): Promise<void> {
  await separate(detection, "datagrams");
}

async function separate(detection: Detection, what: "all" | "datagrams"): Promise<void> {
  const [a, b] = some(detection, 2);
  if (a === undefined || b === undefined) return;
  say(detection, what === "all" ? "lose each other" : "lose each other's datagrams", a, b);
  detection.links.cut(what, a.peer, b.peer);
  detection.rules.parted(a, b);
  await watch(detection, between(detection, 500, 4_000));
}

/** The threads of some nodes wake too late for a while: what they miss is their own fault. */
async function wakeLate(detection: Detection): Promise<void> {
  const nodes = some(detection, 2);
  say(detection, "wake late", ...nodes);
  for (const node of nodes) node.delayTimers(between(detection, 3, 15));
  await watch(detection, 1_000);
  for (const node of nodes) node.delayTimers(0);
}
