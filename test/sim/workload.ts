// What is done to the farm, drawn from the seed: puts that overlap, crashes while they are on their way, restarts, cuts,
// and a network that loses, doubles, delays and overtakes.
import { ClientError } from "../../src/client/errors.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { Checker } from "./checker.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimWorld } from "./sim-world.ts";
import type { Trace } from "./trace.ts";

export type Workload = {
  /** One drawn action, begun but not waited for. */
  step(): Promise<void>;
  /** Everything whole again, and all puts ended. */
  settle(): Promise<void>;
  /** How many puts were acknowledged, and why others failed. */
  counts(): Readonly<Record<string, number>>;
};

type Tools = {
  readonly world: SimWorld;
  readonly checker: Checker;
  readonly trace: Trace;
  readonly open: Set<Promise<void>>;
  readonly counts: Map<string, number>;
};
type Action = { readonly name: string; readonly weight: number; readonly run: (tools: Tools) => Promise<void> | void };

// Objects up to this size are encrypted on the main thread: workers would bring real time into the run.
const objectBytesMax = 60_000;
const chunkBytesMax = 20_000;
const longestPauseMs = 80;
const settleMs = 60_000;

const actions: readonly Action[] = [
  { name: "put chunk", weight: 40, run: (tools) => putChunk(tools) },
  { name: "put object", weight: 15, run: (tools) => putObject(tools) },
  { name: "crash", weight: 12, run: (tools) => crash(tools) },
  { name: "restart", weight: 14, run: (tools) => restart(tools) },
  { name: "weather", weight: 6, run: (tools) => changeWeather(tools) },
  { name: "cut", weight: 4, run: (tools) => cutOff(tools) },
  { name: "heal", weight: 5, run: (tools) => heal(tools) },
  { name: "pause", weight: 4, run: ({ world }) => world.clock.advance(2_000) },
];

/** A workload at its beginning. */
export function createWorkload(world: SimWorld, checker: Checker, trace: Trace): Workload {
  const tools: Tools = { world, checker, trace, open: new Set(), counts: new Map() };
  return {
    step: async () => {
      const action = draw(world.random);
      trace.write(action.name);
      await action.run(tools);
      await world.clock.advance(world.random.fraction() * longestPauseMs);
    },
    settle: async () => {
      heal(tools);
      world.network.setFaults({ lossRate: 0, duplicateRate: 0, delayMs: [1, 5] });
      for (const node of world.nodes) if (!node.up()) await start(tools, node);
      await world.clock.advance(settleMs);
      await world.clock.runUntil(Promise.all(tools.open));
    },
    counts: () => Object.fromEntries(tools.counts),
  };
}

function draw(random: Random): Action {
  let left = random.fraction() * actions.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = actions.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  return chosen ?? { name: "nothing", weight: 0, run: () => {} };
}

/** Follows a put to its end; what it says is checked at that very moment. */
function follow({ trace, open, counts }: Tools, name: string, work: Promise<() => void>): void {
  const count = (outcome: string): void => {
    trace.write(`${name}: ${outcome}`);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  };
  const ended: Promise<void> = work
    .then(
      (acknowledge) => {
        count("stored");
        acknowledge();
      },
      (error: unknown) => {
        // Too few nodes is an answer, and so is the end of a run that broke a rule; anything else is a fault of the library.
        const expected = error instanceof ClientError && (error.code === "insufficient-copies" || error.code === "stopped");
        if (!expected) throw error;
        count(error.code);
      },
    )
    .finally(() => open.delete(ended));
  open.add(ended);
}

function putChunk(tools: Tools): void {
  const { world, checker } = tools;
  const bytes = world.random.bytes(1 + Math.floor(world.random.fraction() * chunkBytesMax));
  const address = chunkAddress(bytes);
  const put = world.client.putChunk(address, bytes);
  follow(
    tools,
    `chunk ${address.slice(0, 12)}`,
    put.then(() => () => checker.acknowledged({ kind: "chunk", address, bytes })),
  );
}

function putObject(tools: Tools): void {
  const { world, checker } = tools;
  const bytes = world.random.bytes(1 + Math.floor(world.random.fraction() ** 3 * objectBytesMax));
  const put = world.client.putObject(once(bytes), { size: bytes.length });
  follow(
    tools,
    `object of ${bytes.length}`,
    put.then(
      ({ address }) =>
        () =>
          checker.acknowledged({ kind: "object", address, bytes }),
    ),
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function crash({ world, trace }: Tools): Promise<void> {
  const up = world.nodes.filter((node) => node.up());
  if (world.nodes.length - up.length >= world.options.downMax) return;
  const node = pick(world.random, up);
  trace.write(`crash node ${node?.number}`);
  await node?.crash();
}

async function restart(tools: Tools): Promise<void> {
  const node = pick(
    tools.world.random,
    tools.world.nodes.filter((one) => !one.up()),
  );
  if (node !== undefined) await start(tools, node);
}

async function start({ world, trace }: Tools, node: SimNode): Promise<void> {
  trace.write(`start node ${node.number}`);
  await node.start(world.nodes.flatMap((other) => other.addresses()));
}

function changeWeather({ world, trace }: Tools): void {
  const { random, network } = world;
  const longest = 1 + random.fraction() * 60;
  const faults = { lossRate: random.fraction() * 0.04, duplicateRate: random.fraction() * 0.05, delayMs: [1, 1 + longest] as const };
  trace.write(`weather ${JSON.stringify(faults)}`);
  network.setFaults(faults);
}

// The client and some nodes on one side, a few nodes on the other.
function cutOff({ world, trace }: Tools): void {
  if (world.cut.size > 0) return;
  const far = world.nodes.filter(() => world.random.fraction() < 0.3).slice(0, 3);
  const near = world.nodes.filter((node) => !far.includes(node)).map(({ peer }) => peer);
  trace.write(`cut off nodes ${far.map(({ number }) => number).join()}`);
  for (const { peer } of far) world.cut.add(peer);
  world.network.partition(
    [...near, world.clientPeer],
    far.map(({ peer }) => peer),
  );
}

function heal({ world }: Tools): void {
  world.network.heal();
  world.cut.clear();
}

function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random.fraction() * from.length)];
}
