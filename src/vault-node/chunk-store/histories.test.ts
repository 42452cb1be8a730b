// Proves by random histories that the disk store behaves as a plain map with a memory that power cuts leave in doubt only
// where no answer had been given: puts, gets, removals, compaction, starts after a stop, a kill and a power cut.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createDiskChunkStore, type DiskChunkStore } from "./disk.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { chunkCost } from "./vault-accounts.ts";

const folder = mkdtempSync(join(tmpdir(), "store-histories-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const vaultNames = [1, 2].map((number) => chunkAddress(Buffer.from([number])) as unknown as VaultName);
const capacity = 1024 * 1024;
const limits = { segmentBytes: 3000, checkpointEntries: 5, compactionBytesPerSecond: 1e12 };
type Chunk = { readonly address: Address; readonly bytes: Uint8Array };
const chunks: readonly Chunk[] = Array.from({ length: 12 }, (_, number) => {
  const bytes = Buffer.alloc(20 + number * 90, number + 1);
  return { address: chunkAddress(bytes), bytes };
});
const chunk = (number: number): Chunk => chunks[number] ?? assert.fail();

/**
 * Where a chunk is; `torn`: a power cut left its entry without its bytes, in the middle of a group that got no answer. Such
 * a chunk takes room and is not held: nobody can tell it from one that rotted, which must be seen until it is replaced.
 */
type Where = { readonly kind: "none" } | { readonly kind: "held" | "torn"; readonly vault: VaultName };
const nowhere: Where = { kind: "none" };
const readAs = { none: "absent", held: "found", torn: "damaged" } as const;
type Model = Map<number, Where>;
type World = { store: DiskChunkStore; disk: MemoryDisk; directory: string; readonly model: Model };

async function start(disk: MemoryDisk, directory: string): Promise<DiskChunkStore> {
  const vaults = vaultNames.map((vault) => ({ vault, capacity }));
  return createDiskChunkStore({ directory, vaults, clock: systemClock, log: silentLog, disk, limits });
}

type Step =
  | { readonly kind: "put"; readonly numbers: readonly number[]; readonly vault: number }
  | { readonly kind: "remove" | "get"; readonly number: number }
  | { readonly kind: "compact" | "restart" | "lose-index" }
  | { readonly kind: "cut"; readonly numbers: readonly number[]; readonly removed: number; readonly after: number; readonly seed: number };

const number = fc.nat({ max: chunks.length - 1 });
const numbers = fc.array(number, { minLength: 1, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), numbers, vault: fc.nat({ max: 1 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("remove" as const), number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("get" as const), number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("compact" as const, "restart" as const, "lose-index" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("cut" as const), numbers, removed: number, after: fc.nat({ max: 6 }), seed: fc.nat() }),
  },
);

async function put({ store, model }: World, step: Extract<Step, { kind: "put" }>): Promise<void> {
  const vault = vaultNames[step.vault] ?? assert.fail();
  const outcomes = await store.put(step.numbers.map((one) => ({ vault, ...chunk(one) })));
  step.numbers.forEach((one, index) => {
    const held = model.get(one)?.kind === "held";
    assert.equal(outcomes[index], held ? "held" : "stored", `chunk ${one}`);
    if (!held) model.set(one, { kind: "held", vault });
  });
}

async function assertRead({ store, model }: World, one: number): Promise<void> {
  const read = await store.get(chunk(one).address);
  const where = model.get(one) ?? nowhere;
  assert.equal(read.kind, readAs[where.kind], `chunk ${one}`);
  if (read.kind !== "found" || where.kind !== "held") return;
  assert.deepEqual([read.vault, Buffer.compare(read.bytes, chunk(one).bytes)], [where.vault, 0], `chunk ${one}`);
  read.release();
}

async function remove({ store, model }: World, one: number): Promise<void> {
  assert.equal(await store.remove(chunk(one).address), model.get(one)?.kind !== "none", `chunk ${one}`);
  model.set(one, nowhere);
}

/** Puts and removes at once while the power goes, and starts on what is left; what got no answer may be either way. */
async function cut(world: World, step: Extract<Step, { kind: "cut" }>): Promise<void> {
  const { store, disk, model } = world;
  const random = seededRandom(step.seed);
  let left = step.after;
  let image: MemoryDisk | undefined;
  disk.watch(({ kind }) => {
    if (kind === "read") return;
    left -= 1;
    if (left >= 0) return;
    image ??= disk.afterPowerCut(() => random.fraction() < 0.6);
    throw Object.assign(new Error("the power is off"), { code: "EIO" });
  });
  const vault = vaultNames[0] ?? assert.fail();
  const [puts, removal] = await Promise.allSettled([
    store.put(step.numbers.map((one) => ({ vault, ...chunk(one) }))),
    store.remove(chunk(step.removed).address),
  ]);
  const doubtful = new Set<number>(removal.status === "fulfilled" ? [] : [step.removed]);
  step.numbers.forEach((one, index) => {
    const outcome = puts.status === "fulfilled" ? puts.value[index] : "read-only";
    if (outcome === "stored") model.set(one, { kind: "held", vault });
    else if (outcome !== "held") doubtful.add(one);
  });
  if (removal.status === "fulfilled") model.set(step.removed, nowhere);
  image ??= disk.afterPowerCut(() => random.fraction() < 0.6);
  await store.close();
  Object.assign(world, { disk: image, store: await start(image, world.directory) });
  for (const one of doubtful) model.set(one, await whereNow(world.store, one));
}

async function whereNow(store: DiskChunkStore, one: number): Promise<Where> {
  const read = await store.get(chunk(one).address);
  if (read.kind === "absent") return nowhere;
  if (read.kind === "found") read.release();
  return { kind: read.kind === "found" ? "held" : "torn", vault: read.vault };
}

async function restart(world: World, loseIndex: boolean): Promise<void> {
  await world.store.close();
  if (loseIndex) world.disk.loseIndex();
  world.store = await start(world.disk, world.directory);
}

async function play(world: World, step: Step): Promise<void> {
  if (step.kind === "put") return put(world, step);
  if (step.kind === "remove") return remove(world, step.number);
  if (step.kind === "get") return assertRead(world, step.number);
  if (step.kind === "cut") return cut(world, step);
  if (step.kind === "compact") return world.store.compacted();
  return restart(world, step.kind === "lose-index");
}

function assertBooks({ store, model }: World): void {
  const addresses = [...model].flatMap(([one, { kind }]) => (kind === "held" ? [chunk(one).address] : []));
  assert.deepEqual(new Set(store.addresses()), new Set(addresses));
  for (const { vault, used, chunks: count } of store.vaults()) {
    const sizes = [...model].flatMap(([one, where]) => (where.kind !== "none" && where.vault === vault ? [chunk(one).bytes.length] : []));
    assert.deepEqual([count, used], [sizes.length, sizes.reduce((sum, size) => sum + chunkCost(size), 0)]);
  }
}

async function playAll(steps: readonly Step[]): Promise<void> {
  const directory = await mkdtemp(join(folder, "store-"));
  const disk = createMemoryDisk();
  const world: World = { store: await start(disk, directory), disk, directory, model: new Map(chunks.map((_, one) => [one, nowhere])) };
  for (const one of steps) {
    await play(world, one);
    assertBooks(world);
  }
  for (let one = 0; one < chunks.length; one += 1) await assertRead(world, one);
  await world.store.close();
}

test("random histories: the store is a map, whatever happens between", { timeout: 240_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), playAll), { numRuns: 60 });
});

test("a chunk torn in the middle of a group is seen as damaged, takes room, and is replaced by the next put", async () => {
  const torn: Step = { kind: "cut", numbers: [1, 8, 0], removed: 0, after: 1, seed: 180019918 };
  const again: Step = { kind: "put", numbers: [8], vault: 1 };
  await playAll([{ kind: "put", numbers: [0], vault: 0 }, torn, { kind: "get", number: 8 }, again, { kind: "get", number: 8 }]);
});

// Found by the histories: the power went in the middle of a group, of which a later chunk was whole; a removal written
// behind that gap was not believed once the index had to be made again.
for (const between of [[], [{ kind: "restart" }, { kind: "restart" }]] as const)
  test(`a removal after a torn group outlives the index, ${between.length} restarts between`, async () => {
    const torn: Step = { kind: "cut", numbers: [5, 1], removed: 0, after: 1, seed: 31716555 };
    const before: readonly Step[] = [{ kind: "put", numbers: [0], vault: 0 }, torn, ...between, { kind: "put", numbers: [0], vault: 0 }];
    await playAll([...before, { kind: "remove", number: 0 }, { kind: "lose-index" }, { kind: "remove", number: 0 }, { kind: "compact" }]);
  });
