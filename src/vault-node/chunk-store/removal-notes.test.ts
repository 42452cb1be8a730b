// Proves that a chunk that was removed stays so when the index is made again from the log, also where the log has a copy of it
// from before it was put anew.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { PutEntry } from "./chunk-store.ts";
import { assertBooks, openTestStore } from "./crash-fixture.ts";
import { testVault } from "./crash-writer.ts";
import type { DiskChunkStore } from "./disk.ts";
import { createMemoryDisk } from "./memory-disk.ts";
import { freeSpaceAgeMs } from "./store-limits.ts";

const folder = mkdtempSync(join(tmpdir(), "removal-notes-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const entry = (number: number): PutEntry => {
  const bytes = Buffer.alloc(10_000, number);
  return { vault: testVault, address: chunkAddress(bytes), bytes };
};
const entries = (from: number, to: number): PutEntry[] => Array.from({ length: to - from }, (_, n) => entry(from + n));

test("a chunk whose removal failed, that was put anew and removed: no older copy comes back once the notes about the newer one are gone", async () => {
  const disk = createMemoryDisk();
  const clock = createVirtualClock();
  const limits = { segmentBytes: 100_000, compactionBytesPerSecond: 1e12 };
  const open = async (): Promise<DiskChunkStore> => openTestStore(await mkdtemp(join(folder, "store-")), { disk, clock, limits });
  const store = await open();
  const put = async (chunks: readonly PutEntry[]): Promise<void> => {
    for (const one of chunks) assert.deepEqual(await store.put([one]), ["stored"]);
  };
  const remove = async (chunks: readonly PutEntry[]): Promise<void> => {
    for (const { address } of chunks) assert.equal(await store.remove(address), true);
    await clock.runUntil(store.compacted());
  };
  // The first segment keeps most of its chunks, and so stays.
  await put(entries(0, 9));
  const [first = assert.fail()] = disk.segments();
  disk.watch(({ kind }) => {
    if (kind === "write") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  });
  await assert.rejects(store.remove(entry(0).address));
  disk.watch(() => {});
  await clock.advance(2 * freeSpaceAgeMs);
  await put([entry(0), ...entries(10, 18)]);
  const second = disk.segments().at(-1) ?? assert.fail();
  await put([entry(20)]);
  await remove([entry(0)]);
  await put(entries(21, 29));
  const third = disk.segments().at(-2) ?? assert.fail();
  await put(entries(30, 35));
  await remove(entries(10, 18));
  await remove(entries(20, 28));
  assert.deepEqual(
    [first, second, third].map((name) => disk.names().includes(name)),
    [true, false, false],
  );
  await store.close();
  disk.loseIndex();
  const again = await open();
  assert.equal(again.info(entry(0).address), undefined);
  for (const { address } of entries(1, 9)) assert.ok(again.info(address) !== undefined);
  assertBooks(again);
  await again.close();
});
