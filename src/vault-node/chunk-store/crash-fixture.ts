// What the crash tests share: stores of one vault, its numbered chunks, and the checks that hold after any crash.
import { strict as assert } from "node:assert";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import type { ChunkStore, PutEntry } from "./chunk-store.ts";
import { chunkOf, testVault } from "./crash-writer.ts";
import { createDiskChunkStore, type DiskChunkStore, type DiskStoreOptions } from "./disk.ts";
import { chunkCost } from "./vault-accounts.ts";

const mib = 1024 * 1024;

/** A store for the vault of these tests. */
export function openTestStore(directory: string, more: Partial<DiskStoreOptions> = {}): Promise<DiskChunkStore> {
  const vaults = [{ vault: testVault, capacity: 64 * mib }];
  return createDiskChunkStore({ directory, vaults, clock: systemClock, log: silentLog, ...more });
}

/** Chunk `number` for the vault of these tests. */
export function testEntry(number: number): PutEntry {
  return { vault: testVault, ...chunkOf(number) };
}

/** Reads a chunk: whether it is there; wrong bytes fail the test. */
export async function isHeld(store: ChunkStore, { address, bytes }: PutEntry): Promise<boolean> {
  const read = await store.get(address);
  if (read.kind !== "found") return false;
  assert.equal(Buffer.compare(read.bytes, bytes), 0, "a wrong byte was served");
  read.release();
  return true;
}

/** Which of the entries are there. */
export async function heldOf(store: ChunkStore, entries: readonly PutEntry[]): Promise<readonly boolean[]> {
  const held: boolean[] = [];
  for (const one of entries) held.push(await isHeld(store, one));
  return held;
}

/** Books and addresses must say the same. */
export function assertBooks(store: ChunkStore): void {
  const sizes = [...store.addresses()].map((address) => store.info(address)?.size ?? assert.fail("listed and not held"));
  const [usage] = store.vaults();
  assert.deepEqual([usage?.chunks, usage?.used], [sizes.length, sizes.reduce((sum, size) => sum + chunkCost(size), 0)]);
}
