// Histories of keeping copies, drawn from a seed: nodes die for good, come back late, drain, think better of it and join;
// chunks rot, connections crawl, some nodes are cut off together, the whole farm is restarted. At most three holders fail
// before copies are made again. In the end all is whole, and neither time nor one dead connection moves anything.
import { type CopiesRules, createCopiesRules } from "./copies-rules.ts";
import { delays, keepingTimes, minute } from "./keeping-times.ts";
import type { Scenario } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import type { SimWorld } from "./sim-world.ts";
import type { Trace } from "./trace.ts";

const nodesMin = 6;
const nodesMax = 11;
const failuresMax = 3;
const chunkCount = 60;
const readsPerStep = 3;
// The delay for chunks with one copy less than min, and time for looking and copying.
const boundMs = delays.few + 20_000;
// Nobody confirms anybody in its own first two minutes.
const quietMs = 130_000;
// A reader whose farm was restarted elsewhere looks for it every two seconds.
const returnMs = 10_000;

/** Options for a history: in every third seed one vault node lies. */
export function historyOptions(seed: number): SimOptions {
  const shape = { scenario: "keeping", nodes: 9, steps: 10 } as const;
  return { ...defaultSimOptions, ...shape, ...keepingTimes, seed, liars: seed % 3 === 0 ? 1 : 0 };
}

type History = {
  readonly world: SimWorld;
  readonly rules: CopiesRules;
  readonly trace: Trace;
  readonly draining: Set<SimNode>;
  readonly counts: Map<string, number>;
  /** The one node on which chunks may have rotted unseen. */
  rotten: SimNode | undefined;
};

/** A history at its beginning. */
export function createHistory(world: SimWorld, trace: Trace): Scenario {
  const rules = createCopiesRules(world);
  const history: History = { world, rules, trace, draining: new Set(), counts: new Map(), rotten: undefined };
  let filled = false;
  return {
    step: async () => {
      if (!filled) await fill(history);
      filled = true;
      const draining = new Set(history.draining);
      await pick(world, actions)?.(history);
      if (await rules.put()) say(history, "put");
      rules.liveCopy();
      await rules.readable(readsPerStep);
      await world.clock.advance(boundMs);
      rules.raise();
      await rules.minAgain(boundMs);
      await mendConnections(history);
      for (const node of history.draining) if (node.up() && draining.has(node)) rules.drained(node, history.rotten === undefined ? 0 : 1);
    },
    settle: () => settle(history),
    counts: () => Object.fromEntries(history.counts),
  };
}

async function fill({ world, rules }: History): Promise<void> {
  for (let i = 0; i < chunkCount; i += 1) await rules.put();
  await world.clock.advance(quietMs);
}

function say({ trace, counts }: History, what: string, node?: SimNode): void {
  trace.write(node === undefined ? what : `${what} node ${node.number}`);
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function pick<T>({ random }: SimWorld, from: readonly T[]): T | undefined {
  return from[Math.floor(random.fraction() * from.length)];
}

/** Nodes that may fail now: while one lies or holds rot, one less of the others. */
function mayFail({ world, draining, rotten }: History): readonly SimNode[] {
  const spent = world.options.liars + (rotten === undefined ? 0 : 1);
  const up = world.nodes.filter((node) => node.up() && !draining.has(node) && !node.lies && node !== rotten);
  const honest = world.nodes.filter((node) => node.up() && !node.lies).length;
  const most = Math.min(failuresMax - spent, honest - nodesMin);
  const count = Math.min(most, 1 + Math.floor(world.random.fraction() * failuresMax));
  const chosen: SimNode[] = [];
  while (chosen.length < count) {
    const node = pick(
      world,
      up.filter((one) => !chosen.includes(one)),
    );
    if (node === undefined) break;
    chosen.push(node);
  }
  return chosen;
}

const actions: readonly ((history: History) => Promise<void> | void)[] = [
  die,
  die,
  comeBack,
  lateReturn,
  grow,
  drain,
  thinkBetter,
  rot,
  crawl,
  cutOff,
  restartAll,
];

async function die(history: History): Promise<void> {
  for (const node of mayFail(history)) {
    say(history, "dies", node);
    await node.crash();
  }
}

async function comeBack(history: History): Promise<void> {
  const { world } = history;
  const node = pick(
    world,
    world.nodes.filter((one) => !one.up()),
  );
  if (node === undefined) return;
  say(history, "comes back", node);
  history.draining.delete(node);
  await start(world, node);
}

// Its copies were made elsewhere meanwhile: some are too many now.
async function lateReturn(history: History): Promise<void> {
  if (history.world.nodes.every((node) => node.up())) await die(history);
  await history.world.clock.advance(delays.enough + minute);
  await comeBack(history);
  await history.world.clock.advance(2 * minute);
}

async function start(world: SimWorld, node: SimNode): Promise<void> {
  await node.start(world.nodes.flatMap((other) => other.addresses()));
}

async function grow(history: History): Promise<void> {
  if (history.world.nodes.length < nodesMax) say(history, "joins", await history.world.grow());
}

function drain(history: History): void {
  const up = history.world.nodes.filter((node) => node.up() && !node.lies);
  const node = pick(history.world, up);
  if (node === undefined || up.length - history.draining.size <= nodesMin) return;
  say(history, "drains", node);
  history.draining.add(node);
  node.want("draining");
}

function thinkBetter(history: History): void {
  const node = pick(history.world, [...history.draining]);
  if (node === undefined) return;
  say(history, "is to stay", node);
  history.draining.delete(node);
  node.want("active");
}

function rot(history: History): void {
  const { world, rules } = history;
  const node =
    history.rotten ??
    pick(
      world,
      world.nodes.filter((one) => one.up() && !one.lies),
    );
  if (node === undefined || world.options.liars > 0) return;
  say(history, "rots", node);
  history.rotten = node;
  for (const address of rules.chunks()) if (world.random.fraction() < 0.5) node.rot(address);
}

// Messages take up to a fifth of a second, overtake one another, and some come twice.
function crawl(history: History): void {
  say(history, "crawls");
  history.world.network.setFaults({ delayMs: [1, 200], duplicateRate: 0.03 });
}

// The client and most nodes on one side.
async function cutOff(history: History): Promise<void> {
  const { world } = history;
  const far = mayFail(history);
  for (const node of far) {
    say(history, "is cut off", node);
    world.cut.add(node.peer);
  }
  const near = world.nodes.filter((node) => !far.includes(node)).map(({ peer }) => peer);
  world.network.partition(
    [...near, world.clientPeer],
    far.map(({ peer }) => peer),
  );
}

async function mendConnections({ world }: History): Promise<void> {
  world.network.heal();
  world.cut.clear();
  world.network.setFaults({ delayMs: [1, 5], duplicateRate: 0 });
}

async function restartAll(history: History): Promise<void> {
  const { world } = history;
  say(history, "restarts as a whole");
  const up = world.nodes.filter((node) => node.up());
  for (const node of up) await node.crash();
  for (const node of up) await start(world, node);
  for (const node of history.draining) node.want("draining");
  await world.clock.advance(returnMs);
  history.rules.liveCopy();
  await history.rules.readable(readsPerStep);
  await world.clock.advance(quietMs);
}

// What rotted is found by reading, as in the weekly round through the disk, and must be sound again soon.
async function healRot({ world, rules, rotten }: History): Promise<void> {
  if (rotten === undefined) return;
  if (!rotten.up()) await start(world, rotten);
  const chunks = rules.chunks().filter((address) => rotten.claims(address) && !rotten.keeps(address));
  for (const address of chunks) await world.clock.runUntil(world.readFrom(rotten, address));
  await world.clock.advance(5 * minute);
  rules.allSound(rotten);
}

async function settle(history: History): Promise<void> {
  const { world, rules } = history;
  for (const node of history.draining) node.want("active");
  await healRot(history);
  await world.clock.advance(delays.enough + 5 * minute);
  rules.raise();
  rules.targetAgain();
  await rules.readable(Number.POSITIVE_INFINITY);
  await world.clock.advance(8 * minute);
  const before = rules.moved();
  await world.clock.advance(8 * minute);
  rules.atRest(before, "in a farm that was whole");
  const [one, other] = world.nodes.filter((node) => node.up() && !node.lies).slice(world.random.fraction() < 0.5 ? 0 : 2);
  if (one === undefined || other === undefined) return;
  say(history, `no connection to node ${other.number} has`, one);
  world.network.partition([one.peer], [other.peer]);
  await world.clock.advance(delays.enough + 2 * minute);
  rules.atRest(before, `because nodes ${one.number} and ${other.number} did not reach each other`);
  rules.raise();
}
