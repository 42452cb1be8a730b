// Proves that compaction lets nothing stop it for good that passes by itself: more calls waiting to be written than the queue
// takes, a file that was deleted although the deletion was said to have failed; and that it clears away what was begun in vain.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { PutEntry } from "./chunk-store.ts";
import { testVault } from "./crash-writer.ts";
import { createDiskChunkStore, type DiskChunkStore } from "./disk.ts";
import type { DiskFile } from "./disk-port.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { freeSpaceAgeMs, type StoreLimits } from "./store-limits.ts";

const folder = mkdtempSync(join(tmpdir(), "compaction-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const clock = createVirtualClock();
const entry = (number: number): PutEntry => {
  const bytes = Buffer.alloc(10_000, number);
  bytes.writeUInt32LE(number);
  return { vault: testVault, address: chunkAddress(bytes), bytes };
};
const entries = (from: number, to: number): PutEntry[] => Array.from({ length: to - from }, (_, n) => entry(from + n));

async function open(disk: MemoryDisk, limits: Partial<StoreLimits> = {}): Promise<DiskChunkStore> {
  return createDiskChunkStore({
    ...{ directory: await mkdtemp(join(folder, "store-")), vaults: [{ vault: testVault, capacity: 2 ** 26 }], clock, log: silentLog, disk },
    limits: { segmentBytes: 100_000, compactionBytesPerSecond: 1e12, ...limits },
  });
}

/** The same disk, whose writes wait while `gate` has something to wait for. */
function gated(disk: MemoryDisk, gate: { open: Promise<void> }): MemoryDisk {
  const open: MemoryDisk["open"] = async (path, mode) => {
    const file = await disk.open(path, mode);
    const pwritev: DiskFile["pwritev"] = async (parts, position) => {
      await gate.open;
      await file.pwritev(parts, position);
    };
    return { ...file, pwritev };
  };
  return { ...disk, open };
}

test("a queue that is full while a segment is copied: it is copied later, and the store takes chunks all the time", async () => {
  const disk = createMemoryDisk();
  const gate = { open: Promise.resolve() };
  const store = await open(gated(disk, gate), { queueCallsMax: 2 });
  for (const one of entries(0, 25)) await store.put([one]);
  const [first = assert.fail()] = disk.segments();
  for (const { address } of entries(0, 4)) await store.remove(address);
  const { promise, resolve } = Promise.withResolvers<void>();
  // Enough is dead now. While the segment is read, a group takes its time, and more wait behind it than the queue takes.
  await store.remove(entry(4).address);
  gate.open = promise;
  const calls: Promise<unknown>[] = [];
  for (const one of entries(100, 150)) {
    calls.push(store.put([one]).then(String, ({ code }) => code));
    await Promise.resolve();
  }
  await clock.advance(1000);
  resolve();
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(["stored", "busy"]));
  assert.deepEqual(store.health(), { mode: "writable" });
  await store.put([entry(1000)]);
  await clock.runUntil(store.compacted());
  assert.equal(disk.names().includes(first), false, "the segment went in the end");
  await store.close();
});

test("a deletion whose directory could not be synced for a moment, though the file is gone: compaction goes on", async () => {
  const disk = createMemoryDisk();
  const store = await open(disk);
  for (const one of entries(0, 25)) await store.put([one]);
  const [first = assert.fail()] = disk.segments();
  let gone = false;
  disk.watch(({ kind, path }) => {
    if (kind === "unlink" && path === first) gone = true;
    if (kind === "sync-directory" && gone) throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
  });
  for (const { address } of entries(0, 8)) await store.remove(address);
  await clock.runUntil(store.compacted());
  assert.deepEqual(store.health(), { mode: "read-only", why: "this machine is short of something (EMFILE)" });
  disk.watch(() => {});
  await clock.advance(2 * freeSpaceAgeMs);
  await clock.runUntil(store.compacted());
  assert.deepEqual(store.health(), { mode: "writable" });
  assert.deepEqual(await store.put([entry(1000)]), ["stored"]);
  await store.close();
});

test("a disk that is full for hours: segments that were begun in vain do not pile up", async () => {
  const disk = createMemoryDisk();
  const store = await open(disk);
  await store.put([entry(1)]);
  disk.watch(({ kind, path }) => {
    if (kind === "write" && path.startsWith("segment-")) throw Object.assign(new Error("EDQUOT"), { code: "EDQUOT" });
  });
  for (let minute = 0; minute < 120; minute += 1) {
    await store.put([entry(2)]);
    await clock.advance(61_000);
  }
  disk.watch(() => {});
  assert.deepEqual(await store.put([entry(2)]), ["stored"]);
  await clock.runUntil(store.compacted());
  assert.equal(disk.segments().length, 2);
  for (const { address } of [entry(1), entry(2)]) assert.equal((await store.get(address)).kind, "found");
  await store.close();
});
