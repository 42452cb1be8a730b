// Proves that a disk that fails or fills up makes the store read-only, visibly, with reads going on, and that nothing is
// acknowledged that may not be there: each write, sync, truncation and creation fails once, with each kind of error.
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { ChunkStore, PutEntry } from "./chunk-store.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { chunkOf, testVault } from "./crash-writer.ts";
import { createDiskChunkStore, type DiskChunkStore, type DiskStoreOptions } from "./disk.ts";
import type { Disk, DiskFile } from "./disk-port.ts";
import { createMemoryDisk, type DiskOperation, type MemoryDisk } from "./memory-disk.ts";
import { freeSpaceAgeMs } from "./store-limits.ts";

const folder = mkdtempSync(join(tmpdir(), "failing-disk-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const mib = 1024 * 1024;
const entry = (number: number): PutEntry => ({ vault: testVault, ...chunkOf(number) });
const clock = createVirtualClock();

async function open(disk: MemoryDisk, more: Partial<DiskStoreOptions> = {}): Promise<DiskChunkStore> {
  const directory = await mkdtemp(join(folder, "store-"));
  return createDiskChunkStore({ directory, vaults: [{ vault: testVault, capacity: 64 * mib }], clock, log: silentLog, disk, ...more });
}

/** Makes the next operations of these kinds fail with the error `code`. */
function fail(disk: MemoryDisk, code: string, kinds: readonly DiskOperation["kind"][]): void {
  disk.watch(({ kind }) => {
    if (kinds.includes(kind)) throw Object.assign(new Error(`${code}: ${kind}`), { code });
  });
}
const works = (disk: MemoryDisk): void => disk.watch(() => {});

async function reads(store: ChunkStore, { address, bytes }: PutEntry): Promise<boolean> {
  const read = await store.get(address);
  return read.kind === "found" && Buffer.compare(read.bytes, bytes) === 0;
}

for (const kinds of [["write"], ["sync"], ["write", "truncate"], ["sync", "truncate"]] as const)
  test(`EIO on ${kinds.join(" and ")}: read-only and visible until the next start, nothing falsely acknowledged`, async () => {
    const disk = createMemoryDisk();
    const store = await open(disk);
    const [held, removed] = [entry(1), entry(2)];
    await store.put([held, removed]);
    let told = 0;
    store.onChange(() => {
      told += 1;
    });
    fail(disk, "EIO", kinds);
    const [puts, removal] = await Promise.allSettled([store.put([entry(3), held]), store.remove(removed.address)]);
    assert.deepEqual(puts.status === "fulfilled" && puts.value, ["read-only", "held"]);
    assert.ok(removal.status === "rejected" && removal.reason instanceof ChunkStoreError && removal.reason.code === "io");
    assert.deepEqual(store.health(), { mode: "read-only", why: "the disk fails (EIO)" });
    assert.ok(told > 0, "whoever listens was told");
    // The disk pretends to work again, as disks do that dropped what they could not write.
    works(disk);
    await clock.advance(10 * freeSpaceAgeMs);
    assert.deepEqual(await store.put([entry(4)]), ["read-only"]);
    assert.deepEqual(await store.put([removed]), ["read-only"], "its removal may be on the disk: not acknowledged as held");
    assert.deepEqual([await reads(store, held), await reads(store, removed)], [true, true]);
    await store.close();
    const random = seededRandom(kinds.length);
    const again = await open(disk.afterPowerCut(() => random.fraction() < 0.5));
    assert.deepEqual([again.health().mode, await reads(again, held)], ["writable", true]);
    assert.deepEqual(await again.put([entry(4)]), ["stored"]);
    await again.close();
  });

test("ENOSPC: read-only while the disk is full, writable by itself once there is room; the next start agrees", async () => {
  const disk = createMemoryDisk();
  const directory = await mkdtemp(join(folder, "store-"));
  const limits = { segmentBytes: 300 };
  const opening = (): Promise<DiskChunkStore> =>
    createDiskChunkStore({ directory, vaults: [{ vault: testVault, capacity: 64 * mib }], clock, log: silentLog, disk, limits });
  const store = await opening();
  await store.put([entry(3)]);
  // A segment is begun for this one, and stays empty.
  fail(disk, "ENOSPC", ["write"]);
  assert.deepEqual(await store.put([entry(4)]), ["read-only"]);
  assert.deepEqual(store.health(), { mode: "read-only", why: "the disk is full" });
  assert.ok(await reads(store, entry(3)));
  works(disk);
  await clock.advance(2 * freeSpaceAgeMs);
  assert.equal(store.health().mode, "writable");
  await store.close();
  const again = await opening();
  assert.deepEqual(await again.put([entry(3), entry(4)]), ["held", "stored"]);
  assert.deepEqual(await again.put([entry(5)]), ["stored"]);
  await again.close();
  const third = await opening();
  for (const number of [3, 4, 5]) assert.ok(await reads(third, entry(number)));
  await third.close();
});

for (const [kind, file] of [
  ["create", "run-"],
  ["write", "run-"],
  ["sync", "run-"],
  ["write", "books-"],
  ["sync", "books-"],
  ["unlink", "books-"],
] as const)
  test(`ENOSPC on ${kind} of ${file} files: what was acknowledged stays, and with room the index goes on as if nothing had been`, async () => {
    const disk = createMemoryDisk();
    const directory = await mkdtemp(join(folder, "store-"));
    const vaults = [{ vault: testVault, capacity: 64 * mib }];
    const limits = { checkpointEntries: 5 };
    const store = await createDiskChunkStore({ directory, vaults, clock, log: silentLog, disk, limits });
    const numbers = Array.from({ length: 60 }, (_, number) => number);
    for (const number of numbers.slice(0, 20)) await store.put([entry(number)]);
    await store.compacted();
    disk.watch((operation) => {
      if (operation.kind === kind && operation.path.startsWith(file)) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    });
    const outcomes: string[] = [];
    for (const number of numbers.slice(20, 40)) outcomes.push((await store.put([entry(number)]))[0] ?? "");
    assert.ok(outcomes[0] === "stored" && outcomes.includes("read-only"), outcomes.join(" "));
    assert.deepEqual(store.health(), { mode: "read-only", why: "the disk is full" });
    for (const number of numbers.slice(0, 20)) assert.ok(await reads(store, entry(number)));
    works(disk);
    await clock.advance(2 * freeSpaceAgeMs);
    assert.equal(store.health().mode, "writable");
    const again = await store.put(numbers.map(entry));
    assert.deepEqual(
      again.slice(20, 40),
      outcomes.map((outcome) => (outcome === "stored" ? "held" : "stored")),
    );
    await store.compacted();
    await store.close();
    const index = disk.names().filter((name) => !disk.segments().includes(name));
    assert.ok(index.length <= 8, `nothing is left behind but what counts: ${index.join(" ")}`);
    const next = await createDiskChunkStore({ directory, vaults, clock, log: silentLog, disk, limits });
    for (const number of numbers) assert.ok(await reads(next, entry(number)), `chunk ${number}`);
    await next.close();
  });

test("a segment that cannot be begun, or its directory not synced: nothing is acknowledged", async () => {
  for (const kind of ["create", "sync-directory"] as const) {
    const disk = createMemoryDisk();
    const store = await open(disk);
    fail(disk, "EIO", [kind]);
    assert.deepEqual(await store.put([entry(1)]), ["read-only"]);
    await store.close();
    const again = await open(disk.afterPowerCut(() => true));
    assert.deepEqual([await reads(again, entry(1)), [...again.addresses()]], [false, []]);
    assert.deepEqual(await again.put([entry(1)]), ["stored"]);
    await again.close();
  }
});

test("a shortage of the process at a write, as of descriptors: read-only for a moment, and nothing is lost", async () => {
  for (const kind of ["create", "write", "sync"] as const) {
    const disk = createMemoryDisk();
    const store = await open(disk);
    await store.put([entry(1)]);
    fail(disk, "EMFILE", [kind]);
    const outcomes = await store.put(Array.from({ length: 400 }, (_, i) => entry(10 + i)));
    works(disk);
    if (store.health().mode === "read-only")
      assert.deepEqual(store.health(), { mode: "read-only", why: "this machine is short of something (EMFILE)" });
    else assert.ok(outcomes.every((outcome) => outcome === "stored"));
    await clock.advance(freeSpaceAgeMs);
    assert.deepEqual([store.health().mode, await reads(store, entry(1))], ["writable", true], kind);
    assert.deepEqual(await store.put([entry(2)]), ["stored"]);
    await store.close();
  }
});

test("a disk that tells of room which no write gets is tried less and less often; one that fails while it is full stays read-only", async () => {
  const disk = createMemoryDisk();
  const store = await open(disk);
  await store.put([entry(1)]);
  let turned = 0;
  store.onChange(() => {
    turned += 1;
  });
  fail(disk, "EDQUOT", ["write"]);
  for (let second = 0; second < 120; second += 1) {
    await store.put([entry(2)]);
    await clock.advance(freeSpaceAgeMs);
  }
  assert.ok(turned > 4 && turned <= 16, `${turned} changes of its health in two minutes`);
  works(disk);
  await clock.advance(60 * freeSpaceAgeMs);
  assert.deepEqual(await store.put([entry(2)]), ["stored"]);
  fail(disk, "ENOSPC", ["write"]);
  await store.put([entry(3)]);
  disk.watch(({ kind, path }) => {
    if (kind === "read" && path.startsWith("segment-")) throw Object.assign(new Error("EIO"), { code: "EIO" });
  });
  assert.equal((await store.get(entry(1).address)).kind, "damaged");
  works(disk);
  await clock.advance(10 * freeSpaceAgeMs);
  assert.deepEqual(store.health(), { mode: "read-only", why: "the disk fails (EIO)" });
  await store.close();
});

test("an index that finds no room once a segment was copied: its file goes as soon as there is some", async () => {
  const disk = createMemoryDisk();
  const limits = { segmentBytes: 100_000, compactionBytesPerSecond: 1e12 };
  const store = await open(disk, { limits });
  const all = Array.from({ length: 25 }, (_, n) => Buffer.alloc(10_000, n)).map((bytes) => ({
    ...{ vault: testVault, address: chunkAddress(bytes), bytes },
  }));
  for (const one of all) await store.put([one]);
  const [first] = disk.segments();
  disk.watch(({ path }) => {
    if (!path.startsWith("segment-")) throw Object.assign(new Error(`ENOSPC: ${path}`), { code: "ENOSPC" });
  });
  for (const { address } of all.slice(0, 8)) await store.remove(address);
  await clock.runUntil(store.compacted());
  assert.deepEqual([store.health().mode, disk.names().includes(first ?? assert.fail())], ["read-only", true]);
  works(disk);
  await clock.advance(freeSpaceAgeMs);
  await clock.runUntil(store.compacted());
  assert.deepEqual([store.health().mode, disk.names().includes(first ?? assert.fail())], ["writable", false]);
  for (const [n, one] of all.entries()) assert.equal(await reads(store, one), n >= 8);
  await store.close();
});

test("a failed read: the disk's error is visible and the chunk counts as damaged; a shortage of the process harms nothing", async () => {
  const disk = createMemoryDisk();
  const store = await open(disk);
  await store.put([entry(1), entry(2)]);
  fail(disk, "EMFILE", ["read"]);
  await assert.rejects(store.get(entry(1).address), (error: unknown) => error instanceof ChunkStoreError && error.code === "io");
  assert.equal(store.health().mode, "writable");
  fail(disk, "EIO", ["read"]);
  assert.equal((await store.get(entry(1).address)).kind, "damaged");
  assert.deepEqual(store.health(), { mode: "read-only", why: "the disk fails (EIO)" });
  works(disk);
  assert.ok(await reads(store, entry(2)));
  await store.close();
});

test("a chunk that is put anew while its rotten copy is read is no damaged one", async () => {
  const disk = createMemoryDisk();
  let meanwhile = async (): Promise<void> => {};
  const slow: Disk = {
    ...disk,
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      const pread: DiskFile["pread"] = async (target, offset) => {
        const length = await file.pread(target, offset);
        await meanwhile();
        return length;
      };
      return { ...file, pread };
    },
  };
  const store = await createDiskChunkStore({
    ...{ directory: await mkdtemp(join(folder, "store-")), vaults: [{ vault: testVault, capacity: 64 * mib }] },
    ...{ clock, log: silentLog, disk: slow },
  });
  await store.put([entry(1)]);
  const [segment = assert.fail()] = disk.segments();
  const content = disk.content(segment);
  content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
  assert.equal((await store.get(entry(1).address)).kind, "damaged");
  meanwhile = async () => {
    meanwhile = async () => {};
    assert.deepEqual(await store.put([entry(1)]), ["stored"]);
  };
  assert.ok(await reads(store, entry(1)), "what was put meanwhile is read");
  await store.close();
});

test("the reserve of the file system is never used: `full` while it would be", async () => {
  const total = 10 * mib;
  const disk = createMemoryDisk(total);
  const store = await open(disk, { limits: { segmentBytes: mib } });
  const outcomes: string[] = [];
  for (let number = 0; number < 200; number += 1) {
    const bytes = Buffer.alloc(100_000, number + 1);
    const { address } = chunkOf(number);
    outcomes.push((await store.put([{ vault: testVault, address, bytes }]))[0] ?? "");
  }
  assert.deepEqual(new Set(outcomes), new Set(["stored", "full"]));
  const { free } = await disk.statfs("/");
  assert.ok(free >= total * 0.03 && free < total * 0.03 + 200_000, `${free} bytes free`);
  assert.equal(store.health().mode, "writable", "a refusal is no failure");
  await store.close();
});

test("a folder that is gone under the store: said in its state from the next look on, once in the log, and its figures still come", async () => {
  const disk = createMemoryDisk();
  let gone = false;
  const statfs: MemoryDisk["statfs"] = async (path) => {
    if (gone) throw Object.assign(new Error(`ENOENT: statfs '${path}'`), { code: "ENOENT" });
    return disk.statfs(path);
  };
  const errors: string[] = [];
  const log = { ...silentLog, error: (sentence: string) => void errors.push(sentence) };
  const store = await open({ ...disk, statfs }, { log });
  const held = entry(1);
  await store.put([held]);
  const { total } = await store.disk();
  gone = true;
  for (let look = 0; look < 3; look += 1) {
    await clock.advance(freeSpaceAgeMs);
    assert.equal((await store.disk()).total, total, "what the disk last said");
  }
  assert.deepEqual(store.health(), { mode: "read-only", why: "the disk fails (ENOENT)" });
  assert.deepEqual(await store.put([entry(2)]), ["read-only"]);
  assert.ok(await reads(store, held), "what can still be read is served");
  assert.deepEqual(errors, ["the chunk store takes no more chunks"]);
  await store.close();
});

test("a store whose disk cannot be looked at from the start says so to who asks, and a passing want is no failure", async () => {
  const disk = createMemoryDisk();
  let code = "EIO";
  const statfs = async (path: string): Promise<{ readonly free: number; readonly total: number }> => {
    if (code !== "") throw Object.assign(new Error(code), { code });
    return disk.statfs(path);
  };
  const store = await open({ ...disk, statfs });
  await assert.rejects(store.disk(), { code: "EIO" });
  code = "";
  const { total } = await store.disk();
  code = "EMFILE";
  await clock.advance(freeSpaceAgeMs);
  assert.equal((await store.disk()).total, total);
  assert.equal(store.health().mode, "writable");
  await store.close();
});

for (const [code, total, room] of [
  ["EMFILE", 10 * mib, 0],
  ["ENOSPC", 2 ** 40, 2 ** 29],
] as const)
  test(`${code} on a disk whose reserve is in use: chunks can be removed again soon, though none are taken`, async () => {
    const disk = createMemoryDisk();
    let free = total;
    const store = await open({ ...disk, statfs: async () => ({ free, total }) });
    await store.put([entry(1)]);
    // Others fill the disk.
    free = 0;
    await clock.advance(2 * freeSpaceAgeMs);
    fail(disk, code, ["write"]);
    await assert.rejects(store.remove(entry(1).address));
    assert.equal(store.health().mode, "read-only");
    works(disk);
    free = room;
    await clock.advance(5 * freeSpaceAgeMs);
    assert.deepEqual([await store.put([entry(2)]), store.health().mode], [["full"], "writable"]);
    assert.equal(await store.remove(entry(1).address), true);
    await store.close();
  });

test("the folder of the segments is on disk before the first chunk is acknowledged", async () => {
  const disk = createMemoryDisk();
  const directory = await mkdtemp(join(folder, "store-"));
  let synced = false;
  disk.watch(({ kind, path }) => {
    if (kind === "sync-directory" && path === basename(directory)) synced = existsSync(join(directory, "segments"));
  });
  const store = await createDiskChunkStore({
    ...{ directory, vaults: [{ vault: testVault, capacity: 64 * mib }], clock, log: silentLog, disk },
  });
  assert.deepEqual([await store.put([entry(1)]), synced], [["stored"], true]);
  await store.close();
});

test("an index with a spot that the disk cannot read is made again, also where only merging its runs comes there", async () => {
  const disk = createMemoryDisk();
  const limits = { checkpointEntries: 5 };
  const store = await open(disk, { limits });
  for (let number = 0; number < 20; number += 1) await store.put([entry(number)]);
  await store.compacted();
  const bad = disk.names().find((name) => name.startsWith("run-")) ?? assert.fail();
  disk.watch(({ kind, path }) => {
    if (kind === "read" && path === bad) throw Object.assign(new Error("EIO"), { code: "EIO" });
  });
  for (let number = 20; number < 80 && store.health().mode === "writable"; number += 1) await store.put([entry(number)]);
  await store.compacted();
  assert.deepEqual(store.health(), { mode: "read-only", why: "the disk fails (EIO)" });
  await store.close();
  assert.equal(disk.names().filter((name) => name.startsWith("books-")).length, 0, "the index is not used for another start");
  // The files of the next one lie elsewhere.
  works(disk);
  const again = await open(disk, { limits });
  await again.compacted();
  assert.equal(again.health().mode, "writable");
  for (let number = 0; number < 20; number += 1) assert.ok(await reads(again, entry(number)), `chunk ${number}`);
  await again.close();
});
