// Farms for tests of keeping copies: filled with chunks of equal size, at rest, with a fifth of the protocol's delays; and
// what can be seen of their copies by who sees all disks.
import { strict as assert } from "node:assert";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { keepingTimes, minute } from "./keeping-times.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";

const chunkCount = 150;

export type Farm = { readonly world: SimWorld; readonly chunks: Map<Address, Uint8Array> };

/** A farm that has come to rest with chunks of equal size in it. */
export async function filledFarm(options: Partial<SimOptions> = {}): Promise<Farm> {
  const world = await startSimWorld({ ...defaultSimOptions, ...keepingTimes, ...options });
  const farm: Farm = { world, chunks: new Map() };
  for (let i = 0; i < chunkCount; i += 1) await addChunk(farm);
  // Nobody confirms anybody in its own first two minutes.
  await world.clock.advance(130_000);
  return farm;
}

/** Puts one more chunk. */
export async function addChunk({ world, chunks }: Farm): Promise<void> {
  const bytes = world.random.bytes(1000);
  const address = chunkAddress(bytes);
  await world.clock.runUntil(world.client.putChunk(address, bytes));
  chunks.set(address, bytes);
}

/** Nodes that run and hold the chunk. */
export function liveCopies({ nodes }: SimWorld, address: Address): number {
  return nodes.filter((node) => node.up() && node.disk().info(address) !== undefined).length;
}

/** The most live copies any chunk has. */
export function mostCopies({ world, chunks }: Farm): number {
  return Math.max(...[...chunks.keys()].map((address) => liveCopies(world, address)));
}

/** The fewest live copies any chunk has. */
export function fewestCopies({ world, chunks }: Farm): number {
  return Math.min(...[...chunks.keys()].map((address) => liveCopies(world, address)));
}

/** Bytes that nodes sent each other to keep copies, the dead among them. */
export function moved({ nodes }: SimWorld): number {
  return nodes.reduce((sum, node) => sum + node.moved(), 0);
}

/** Chunk bytes on the disks of these nodes. */
export function bytesOn(world: SimWorld, ...numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => {
    const disk = world.nodes[number]?.disk();
    return sum + [...(disk?.addresses() ?? [])].reduce((bytes, address) => bytes + (disk?.info(address)?.size ?? 0), 0);
  }, 0);
}

/** Reads every chunk as a client would. */
export async function assertAllRead({ world, chunks }: Farm): Promise<void> {
  for (const [address, bytes] of chunks) assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), bytes);
}

/** Lets a long time pass in which nothing may move. */
export async function assertAtRest(world: SimWorld): Promise<void> {
  const before = moved(world);
  await world.clock.advance(8 * minute);
  assert.equal(moved(world), before, "something moved in a farm that was whole");
  for (const node of world.nodes) assert.deepEqual(node.copies()?.bytes ?? 0, 0);
}

/** What the nodes publish of copies, summed up by a customer, is what lies on the disks of those that run. */
export function assertCounted({ world }: Farm): void {
  const { target } = world.genesis.copies;
  const addresses = new Set(world.nodes.filter((node) => node.up()).flatMap((node) => [...node.disk().addresses()]));
  const onDisks = Array.from({ length: target + 1 }, () => 0);
  for (const address of addresses) {
    const copies = Math.min(target, liveCopies(world, address));
    onDisks[copies] = (onDisks[copies] ?? 0) + 1;
  }
  const { histogram, reporting } = world.client.network().copies;
  assert.deepEqual([histogram, reporting.nodes], [onDisks, reporting.of], "what is published of copies is not what is there");
}
