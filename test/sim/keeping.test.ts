// Proves over random histories, drawn from a seed, that a farm keeps what it acknowledged while nodes die for good, come
// back late, drain, think better of it, and join: at most three fail before copies are made again, at least min copies are
// there within the bound, it ends whole, then nothing moves, and what nodes publish of copies is what lies on their disks.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import {
  addChunk,
  assertAllRead,
  assertAtRest,
  assertCounted,
  delays,
  type Farm,
  fewestCopies,
  filledFarm,
  minute,
} from "./filled-farm.ts";

const nodesMin = 6;
const nodesMax = 11;
const deathsMax = 3;
const steps = 10;
// The delay for chunks with one copy less than min, and time for looking and copying.
const bound = delays.few + 20_000;

type History = { readonly farm: Farm; readonly draining: Set<number>; readonly said: string[] };

function pick<T>({ farm }: History, from: readonly T[]): T | undefined {
  return from[Math.floor(farm.world.random.fraction() * from.length)];
}

async function die(history: History): Promise<void> {
  const { world } = history.farm;
  const deaths = 1 + Math.floor(world.random.fraction() * deathsMax);
  for (let i = 0; i < deaths; i += 1) {
    const up = world.nodes.filter((node) => node.up() && !history.draining.has(node.number));
    const node = up.length > nodesMin ? pick(history, up) : undefined;
    if (node === undefined) return;
    history.said.push(`node ${node.number} dies`);
    await node.crash();
  }
}

async function comeBack(history: History): Promise<void> {
  const { world } = history.farm;
  const node = pick(
    history,
    world.nodes.filter((one) => !one.up()),
  );
  if (node === undefined) return;
  history.said.push(`node ${node.number} comes back`);
  history.draining.delete(node.number);
  await node.start(world.nodes.flatMap((other) => other.addresses()));
}

async function grow({ farm: { world }, said }: History): Promise<void> {
  if (world.nodes.length >= nodesMax) return;
  said.push(`node ${(await world.grow()).number} joins`);
}

function drain(history: History): void {
  const up = history.farm.world.nodes.filter((node) => node.up());
  const node = pick(history, up);
  if (node === undefined || up.length - history.draining.size <= nodesMin) return;
  history.said.push(`node ${node.number} drains`);
  history.draining.add(node.number);
  node.want("draining");
}

function thinkBetter(history: History): void {
  const number = pick(history, [...history.draining]);
  if (number === undefined) return;
  history.said.push(`node ${number} is to stay`);
  history.draining.delete(number);
  history.farm.world.nodes[number]?.want("active");
}

const actions: readonly ((history: History) => Promise<void> | void)[] = [die, die, comeBack, grow, drain, thinkBetter];

async function run(seed: number): Promise<void> {
  const farm = await filledFarm({ seed, nodes: 9 });
  const { world } = farm;
  const { min, target } = world.genesis.copies;
  const history: History = { farm, draining: new Set(), said: [] };
  const told = (what: string): string => `${what}; seed ${seed}: ${history.said.join(", ")}`;
  for (let step = 0; step < steps; step += 1) {
    await pick(history, actions)?.(history);
    await addChunk(farm).catch(() => {});
    assert.ok(fewestCopies(farm) >= 1, told("a chunk has no live copy"));
    await world.clock.advance(bound);
    assert.ok(fewestCopies(farm) >= min, told(`${fewestCopies(farm)} copies after the bound`));
  }
  for (const number of history.draining) world.nodes[number]?.want("active");
  await world.clock.advance(delays.enough + 3 * minute);
  assert.ok(fewestCopies(farm) >= target, told(`it ends with ${fewestCopies(farm)} copies`));
  await assertAllRead(farm);
  await assertAtRest(world);
  assertCounted(farm);
  await world.stop();
}

describe("a farm with a random history", () => {
  for (const seed of [1, 2, 3]) it(`keeps everything and comes to rest: seed ${seed}`, () => run(seed));
});
