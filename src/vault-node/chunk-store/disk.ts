// The chunk store on disk, put together: append-only segments are the truth, an index beside them says where each chunk is.
// How and why: docs/decisions/0004-chunks-on-disk.md.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { lockVolume, type VolumeLock } from "../volume/volume-lock.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import { type ChunkReader, createChunkReader } from "./chunk-reader.ts";
import type { ChunkInfo, ChunkStore, DiskUsage, PutEntry } from "./chunk-store.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { type Compaction, createCompaction } from "./compaction.ts";
import type { Disk } from "./disk-port.ts";
import type { GroupDraft } from "./group-draft.ts";
import { createGroupWriter, type GroupWriter } from "./group-writer.ts";
import { entryHeaderBytes } from "./log-entry.ts";
import { type OpenedLog, openLog } from "./open-log.ts";
import { createReadBuffers, type ReadBuffers } from "./read-buffers.ts";
import type { SegmentLog } from "./segment-log.ts";
import { checkStoreFormat } from "./store-format.ts";
import { createStoreHealth, type StoreHealth } from "./store-health.ts";
import { compactionRoom, defaultStoreLimits, fittedSegmentBytes, indexBytesPerEntry, type StoreLimits } from "./store-limits.ts";
import { systemDisk } from "./system-disk.ts";
import { createVaultAccounts, type DeclaredVault, type VaultAccounts } from "./vault-accounts.ts";
import { noteJob, putJob, removeJob, type TakingRules } from "./write-jobs.ts";

export type DiskStoreOptions = {
  /** Made where it is not there; everything in it belongs to the store. */
  readonly directory: string;
  readonly vaults: readonly DeclaredVault[];
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<StoreLimits>;
  readonly disk?: Disk;
};

/** The store's own extras, for tests and for whoever waits for the background. */
export type DiskChunkStore = ChunkStore & {
  /** Resolves once no segment is worth compacting and the index has no work in the background. */
  compacted(): Promise<void>;
};

/**
 * Opens the store in `directory`, reading again what a crash left out of the index. Rejects with a `VolumeError` (in-use,
 * newer-format, damaged) or the system's error.
 */
export async function createDiskChunkStore(options: DiskStoreOptions): Promise<DiskChunkStore> {
  const { directory } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockVolume(directory);
  try {
    await checkStoreFormat(join(directory, "format.json"));
    return await openLocked(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

type Parts = OpenedLog & {
  readonly accounts: VaultAccounts;
  readonly health: StoreHealth;
  readonly buffers: ReadBuffers;
  readonly reader: ChunkReader;
  readonly writer: GroupWriter;
  readonly compaction: Compaction;
  readonly lock: VolumeLock;
  readonly clock: Clock;
  /** Bytes the store takes on the disk by its books, index included, with `chunks` more. */
  taken(chunks?: number): number;
  /** Up to where chunks are taken: what compaction needs is kept free. */
  readonly putBytesMax: number;
};

async function openLocked(options: DiskStoreOptions, lock: VolumeLock): Promise<DiskChunkStore> {
  const { directory, vaults, clock, log: report, disk = systemDisk } = options;
  const limits: StoreLimits = { ...defaultStoreLimits, ...options.limits };
  const bytesMax = vaults.reduce((sum, { capacity }) => sum + capacity, 0);
  const segmentBytes = limits.segmentBytes ?? fittedSegmentBytes(bytesMax);
  const accounts = createVaultAccounts(vaults);
  const health = createStoreHealth({ clock, log: report, statfs: () => disk.statfs(directory) });
  const { checkpointEntries } = limits;
  const opened = await openLog({ directory, disk, segmentBytes, checkpointEntries, accounts, report, failed: health.failed });
  const buffers = createReadBuffers(limits.buffersBytesMax, clock);
  const { log, index, ledger } = opened;
  const reader = createChunkReader({ index, ledger, files: log.files, buffers, health, limits });
  const taken = (chunks = 0): number => log.bytes() + Math.max((accounts.total().chunks + chunks) * indexBytesPerEntry, index.bytesMax());
  const compaction = createCompaction({ log, index, ledger, health, limits, clock, report, bytesMax, taken, writer: () => writer });
  const writer = createGroupWriter({ log, index, ledger, health, limits, afterGroup: () => compaction.wake() });
  if (opened.torn.length > 0 && !(await writer.submit(noteJob(opened.torn))))
    report.warn("what was found torn could not be noted in the log");
  compaction.wake();
  health.onChange(compaction.wake);
  return storeOf({
    ...opened,
    accounts,
    health,
    buffers,
    reader,
    writer,
    compaction,
    lock,
    clock,
    taken,
    putBytesMax: bytesMax - compactionRoom(bytesMax, segmentBytes),
  });
}

function storeOf(parts: Parts): DiskChunkStore {
  const { index, accounts, health, reader, writer, compaction, clock } = parts;
  const rules: TakingRules = { health, fits: (entry, draft) => fits(parts, entry, draft), nowMs: () => clock.wallMs() };
  let closing: Promise<void> | undefined;
  return {
    put: async (entries) => (entries.length === 0 ? [] : writer.submit(putJob(entries, rules))),
    get: (address) => reader.get(address),
    info: (address) => infoOf(index, address),
    remove: async (address, only) => {
      const removed = await writer.submit(removeJob(address, rules, only));
      if (typeof removed !== "boolean") throw removed;
      return removed;
    },
    addresses: (vault) => addressesIn(index, vault),
    vaults: () => accounts.usages(),
    disk: () => usageOf(parts),
    health: () => health.now(),
    onChange: (listener) => health.onChange(listener),
    compacted: async () => {
      await compaction.idle();
      await index.merged();
    },
    close: () => {
      closing ??= close(parts);
      return closing;
    },
  };
}

function infoOf(index: ChunkIndex, address: Address): ChunkInfo | undefined {
  try {
    const place = index.find(address);
    // A chunk known to be damaged is not held any more: the next put brings it back.
    return place === undefined || place.damaged ? undefined : { vault: place.vault, size: place.size, storedAtMs: place.storedAtMs };
  } catch (error) {
    // The store is read-only by now, and says why.
    if (error instanceof ChunkStoreError) return undefined;
    throw error;
  }
}

function fits({ accounts, health, taken, putBytesMax }: Parts, { vault, bytes }: PutEntry, draft: GroupDraft): boolean {
  const more = draft.bytes() + entryHeaderBytes + bytes.length;
  // Dead bytes that are not compacted yet take room too: what was declared is never passed on the disk either.
  return accounts.fits(vault, bytes.length, draft.costOf(vault)) && taken(draft.count() + 1) + more <= putBytesMax && health.hasRoom(more);
}

function* addressesIn(index: ChunkIndex, vault: VaultName | undefined): Iterable<Address> {
  for (const [address, place] of index.entries()) if (!place.damaged && (vault === undefined || place.vault === vault)) yield address;
}

async function usageOf({ health, index, accounts, log }: Parts): Promise<DiskUsage> {
  const { free, total } = await health.look();
  const { used, chunks } = accounts.total();
  const live = used - chunks * (entryHeaderBytes + indexBytesPerEntry);
  const dead = log.deadBytes();
  return { live, dead, overhead: log.bytes() - live - dead + index.bytes(), free, total };
}

// In the order in which one part needs another; the lock goes last, whatever happens.
async function close({ compaction, writer, reader, health, buffers, index, log, lock }: Parts): Promise<void> {
  try {
    await compaction.stop();
    await writer.close();
  } finally {
    await reader.close();
    health.stop();
    buffers.drain();
    await index.close();
    await (log satisfies SegmentLog).close();
    lock.release();
  }
}
