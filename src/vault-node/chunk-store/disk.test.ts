// Proves that the store on disk keeps the contract of chunk stores, on the real file system; and what only it promises:
// its format marker, one process at a time, groups, syncs, bytes written.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { VolumeError } from "../errors.ts";
import { chunkStoreContract } from "./chunk-store.contract.ts";
import type { PutEntry } from "./chunk-store.ts";
import { createDiskChunkStore, type DiskChunkStore, type DiskStoreOptions } from "./disk.ts";
import { entryHeaderBytes } from "./log-entry.ts";
import { createMemoryDisk } from "./memory-disk.ts";
import { systemDisk } from "./system-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "disk-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const newDirectory = (): Promise<string> => mkdtemp(join(folder, "store-"));

const mib = 1024 * 1024;
const vault = chunkAddress(Buffer.from("vault")) as unknown as VaultName;
const noise = seededRandom(5).bytes(4 * mib);
let made = 0;
// Noise with a number in front: no two are alike.
const entry = (size: number): PutEntry => {
  const bytes = Buffer.from(noise.subarray(0, size));
  made += 1;
  bytes.writeUInt32LE(made);
  return { vault, address: chunkAddress(bytes), bytes };
};
const open = (directory: string, more: Partial<DiskStoreOptions> = {}): Promise<DiskChunkStore> =>
  createDiskChunkStore({ directory, vaults: [{ vault, capacity: 256 * mib }], clock: systemClock, log: silentLog, ...more });

/** Changes a byte of the chunk `bytes` wherever a segment has it. */
async function damage(directory: string, bytes: Uint8Array): Promise<void> {
  const segments = join(directory, "segments");
  for (const name of await readdir(segments)) {
    const content = await readFile(join(segments, name));
    const at = content.indexOf(bytes);
    if (at === -1) continue;
    content[at + 500] = (content[at + 500] ?? 0) ^ 1;
    await writeFile(join(segments, name), content);
  }
}

chunkStoreContract("on disk", async (vaults) => {
  const directory = await newDirectory();
  let store = await open(directory, { vaults });
  return {
    store: () => store,
    reopen: async () => {
      await store.close();
      store = await open(directory, { vaults });
    },
    damage: async (address) => {
      const read = await store.get(address);
      assert.ok(read.kind === "found");
      await damage(directory, Buffer.from(read.bytes));
      read.release();
    },
    end: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

async function refused(opening: Promise<unknown>, code: string, says: RegExp): Promise<void> {
  await assert.rejects(opening, (error: unknown) => error instanceof VolumeError && error.code === code && says.test(error.message));
}

test("a newer format is refused with the version needed, unless it says that this program can read it", async () => {
  const directory = await newDirectory();
  const a = entry(100);
  const store = await open(directory);
  await store.put([a]);
  await store.close();
  const marker = join(directory, "format.json");
  await writeFile(marker, JSON.stringify({ format: 4, oldestReader: 3, oldestReaderVersion: "0.4.0" }));
  await refused(open(directory), "newer-format", /format 4 .*up to format 2: install version 0\.4\.0 or later/);
  await writeFile(marker, '{"format":');
  await refused(open(directory), "damaged", /no format marker/);
  const newer = JSON.stringify({ format: 3, oldestReader: 2, oldestReaderVersion: "0.3.0" });
  await writeFile(marker, newer);
  const again = await open(directory);
  assert.deepEqual(await again.put([a]), ["held"]);
  await again.close();
  assert.equal(await readFile(marker, "utf8"), newer, "and it is left as it is, for the newer one");
});

test("a store of format 1 is read: its index is made again, its marker raised, and it says that format 1 can read it still", async () => {
  const directory = await newDirectory();
  const a = entry(100);
  const store = await open(directory);
  await store.put([a]);
  await store.close();
  const marker = join(directory, "format.json");
  const index = join(directory, "index");
  await rm(index, { recursive: true });
  await mkdir(index);
  for (const name of ["data.mdb", "lock.mdb"]) await writeFile(join(index, name), "an index of format 1");
  await writeFile(marker, JSON.stringify({ format: 1, oldestReader: 1, oldestReaderVersion: "0.1.0" }));
  const again = await open(directory);
  assert.deepEqual(await again.put([a]), ["held"]);
  await again.close();
  const { format, oldestReader } = JSON.parse(await readFile(marker, "utf8")) as { format: number; oldestReader: number };
  assert.deepEqual([format, oldestReader], [2, 1]);
  assert.deepEqual(
    (await readdir(index)).filter((name) => name.endsWith(".mdb")),
    [],
  );
});

test("a second store on the same directory is refused while the first is open", async () => {
  const directory = await newDirectory();
  const store = await open(directory);
  await refused(open(directory), "in-use", /in use/);
  await store.close();
  await (await open(directory)).close();
});

test("puts that come while a group is written make one group: one sync, two where a segment begins", async () => {
  const disk = createMemoryDisk();
  const store = await open(await newDirectory(), { disk, limits: { segmentBytes: 10 * mib } });
  await store.put([entry(10)]);
  const before = disk.counts.syncs;
  let writes = 0;
  disk.watch(({ kind }) => {
    if (kind === "write") writes += 1;
  });
  const outcomes = await Promise.all(Array.from({ length: 200 }, () => store.put([entry(4096)])));
  assert.ok(outcomes.flat().every((outcome) => outcome === "stored"));
  assert.equal(writes, 1, "all that wait are one group");
  assert.equal(disk.counts.syncs - before, 1);
  // Larger ones, one after another, over the borders of segments: each group alone.
  for (let i = 0; i < 12; i += 1) {
    const syncs = disk.counts.syncs;
    await store.put([entry(3 * mib)]);
    assert.ok(disk.counts.syncs - syncs <= 2, `${disk.counts.syncs - syncs} syncs`);
  }
  assert.ok(disk.segments().length >= 3, "several segments were begun");
  await store.close();
});

for (const [size, calls, perCall] of [
  [4096, 40, 50],
  [mib, 60, 2],
] as const)
  test(`${size} byte chunks: at most 1.15 bytes written a byte put, index and compaction counted`, async () => {
    const disk = createMemoryDisk();
    const limits = { checkpointEntries: calls };
    const store = await open(await newDirectory(), { disk, vaults: [{ vault, capacity: 1024 * mib }], limits });
    for (let call = 0; call < calls; call += 1) await store.put(Array.from({ length: perCall }, () => entry(size)));
    await store.compacted();
    await store.close();
    const amplification = disk.counts.bytesWritten / (size * calls * perCall);
    assert.ok(amplification <= 1.15, String(amplification));
  });

test("reads go on while a segment is compacted away under them", async () => {
  const directory = await newDirectory();
  const store = await open(directory, { limits: { segmentBytes: mib, compactionBytesPerSecond: 1024 * mib } });
  const all = Array.from({ length: 60 }, () => entry(100_000));
  for (const one of all) await store.put([one]);
  const [gone, kept] = [all.filter((_, i) => i % 3 !== 0), all.filter((_, i) => i % 3 === 0)];
  const removals = Promise.all(gone.map(({ address }) => store.remove(address)));
  for (let round = 0; round < 5; round += 1)
    for (const { address, bytes } of kept) {
      const read = await store.get(address);
      assert.ok(read.kind === "found" && Buffer.compare(read.bytes, bytes) === 0);
      read.release();
    }
  assert.ok((await removals).every((removed) => removed));
  await store.compacted();
  const { dead, live } = await store.disk();
  assert.equal(live, kept.length * 100_000);
  assert.ok(dead < live, `${dead} dead bytes are left of ${gone.length * 100_000}`);
  await store.close();
});

test("a store that was full and half emptied takes chunks again: what is declared is all usable, over and over", async () => {
  const capacity = 32 * mib;
  const limits = { segmentBytes: mib, compactionBytesPerSecond: 4096 * mib };
  const store = await open(await newDirectory(), { vaults: [{ vault, capacity }], limits, disk: createMemoryDisk() });
  let held: PutEntry[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (let refusals = 0; refusals < 2; ) {
      const next = entry(60_000);
      const [outcome] = await store.put([next]);
      if (outcome === "stored") held.push(next);
      refusals = outcome === "stored" ? 0 : refusals + 1;
      // Room that is short makes compaction take segments of which less is dead.
      if (refusals > 0) await store.compacted();
    }
    const { live, dead, overhead } = await store.disk();
    assert.ok(live + dead + overhead <= capacity, "never more than declared");
    assert.ok(live > capacity * 0.85, `round ${round}: only ${live} of ${capacity} could be used`);
    const gone = held.filter((_, i) => i % 2 === 0);
    held = held.filter((_, i) => i % 2 === 1);
    for (const { address } of gone) assert.equal(await store.remove(address), true);
    await store.compacted();
  }
  await store.close();
});

test("the notes of removals go with what they are about: put and remove without end do not fill the store", async () => {
  const store = await open(await newDirectory(), {
    vaults: [{ vault, capacity: 16 * mib }],
    limits: { segmentBytes: 64 * 1024, compactionBytesPerSecond: 4096 * mib },
    disk: createMemoryDisk(),
  });
  // 40 rounds of 2000 notes of 96 bytes: 7.3 MiB if none ever went.
  for (let round = 0; round < 40; round += 1) {
    const entries = Array.from({ length: 2000 }, () => entry(20));
    assert.ok(
      (await store.put(entries)).every((outcome) => outcome === "stored"),
      `round ${round}`,
    );
    await Promise.all(entries.map(({ address }) => store.remove(address)));
    await store.compacted();
  }
  const { live, dead, overhead } = await store.disk();
  assert.equal(live, 0);
  assert.ok(dead + overhead < 3 * mib, `${dead} dead, ${overhead} overhead`);
  await store.close();
});

test("a segment with a rotten header is compacted all the same: the index knows what is in it", async () => {
  const disk = createMemoryDisk();
  const store = await open(await newDirectory(), { disk, limits: { segmentBytes: 100_000, compactionBytesPerSecond: 4096 * mib } });
  const all = Array.from({ length: 25 }, () => entry(10_000));
  for (const one of all) await store.put([one]);
  const [first] = disk.segments();
  const log = disk.content(first ?? assert.fail());
  // The header of the fourth chunk in the first segment, and of its last one.
  for (const number of [3, 8]) log.fill(0x55, number * (10_000 + entryHeaderBytes), number * (10_000 + entryHeaderBytes) + 40);
  const gone = [0, 1, 2, 4, 5, 6];
  for (const number of gone) assert.equal(await store.remove(all[number]?.address ?? assert.fail()), true);
  await store.compacted();
  assert.ok(!disk.names().includes(first ?? ""), "the segment is gone");
  for (const [number, { address, bytes }] of all.entries()) {
    const read = await store.get(address);
    assert.equal(read.kind, gone.includes(number) ? "absent" : "found", `chunk ${number}`);
    assert.ok(read.kind !== "found" || Buffer.compare(read.bytes, bytes) === 0);
  }
  await store.close();
});

test("the store of this machine's disk reports the file system it is on", async () => {
  const directory = await newDirectory();
  const store = await open(directory);
  const { free, total } = await store.disk();
  const now = await systemDisk.statfs(directory);
  assert.equal(total, now.total);
  assert.ok(Math.abs(free - now.free) < now.total / 10);
  await store.close();
});
