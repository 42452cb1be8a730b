// Every limit of the chunk store with its unit and reason in one place; relations between them are asserted below.
import { strict as assert } from "node:assert";
import { chunkSizeMax } from "../../protocol/limits.ts";

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

export type StoreLimits = {
  /** Bytes a segment aims at; absent = fitted to the capacity. */
  readonly segmentBytes?: number;
  /** Bytes of one group commit: enough to make the sync cheap, little enough to stay below a second on a slow disk. */
  readonly groupBytesMax: number;
  /** Bytes waiting to be written. They belong to callers; above it puts are refused as busy. */
  readonly queueBytesMax: number;
  /** Calls waiting to be written, and reads waiting for their turn: bounds what small entries can pile up. */
  readonly queueCallsMax: number;
  /** Reads on the disk at a time: Node's thread pool has four threads, more only queue there. */
  readonly readsMax: number;
  /** Bytes of read buffers kept for the next read while unused: four of the largest, since what is dropped waits for a collector that shared memory never calls. */
  readonly buffersBytesMax: number;
  /** Index changes kept in memory until they go to the index file together: about 1 MiB. */
  readonly checkpointEntries: number;
  /** Log bytes after which the index is brought up to date: what a start has to read again at most, about twice. */
  readonly checkpointBytes: number;
  /** Bytes a second that compaction copies: below a tenth of what any disk does. */
  readonly compactionBytesPerSecond: number;
  /** Share of dead bytes from which a segment is compacted: each byte copied frees at least one. */
  readonly compactionDeadShare: number;
};

export const defaultStoreLimits: StoreLimits = {
  groupBytesMax: 16 * mib,
  queueBytesMax: 256 * mib,
  queueCallsMax: 65_536,
  readsMax: 8,
  buffersBytesMax: 16 * mib,
  checkpointEntries: 4096,
  checkpointBytes: 64 * mib,
  compactionBytesPerSecond: 32 * mib,
  compactionDeadShare: 0.5,
};

/** Largest segment, bytes; offsets in the index are 32 bits. */
export const segmentBytesMax: number = 256 * mib;

/** Smallest segment of a small store, bytes: two of the largest chunks with their headers. */
export const segmentBytesMin: number = 2 * chunkSizeMax + 4 * kib;

/** Segments a small store is divided into at least, so that compaction can free a part. */
export const segmentsPerStore = 64;

/** Open segment files: far below the 1024 that most systems allow a process. */
export const openSegmentsMax = 64;

/** Index bytes that an entry is charged for: a record with its share of page, filter and first address takes 57.6, twice while all runs are merged. */
export const indexBytesPerEntry = 128;

/** Runs are merged once together they are so many times the oldest of them: with 4, a million entries are written 4 to 5 times and lie in 3 to 12 runs. */
export const mergeGrowth = 4;

/** Runs above which the next one waits for a merge: three times what there are when merging keeps up, so a bound that is never met. */
export const runsMax = 64;

/** Pages of one read when runs are merged: 64 KiB, for each of a dozen runs. */
export const mergeWindowPages = 16;

/** Bytes of a run written in one go: two milliseconds of sorting, and small enough for the page cache, where the next look-ups find them. */
export const runSliceBytes: number = 128 * kib;

/** Bytes of a run after which it is synced: what a group commit that comes just then has to wait for. */
export const runSyncBytes: number = 4 * mib;

/** Share of its capacity at which a vault wants no new chunks: the rest is room for repair. */
export const fullShare = 0.95;

/** Free space that is never used: what the file system and the index need to go on. */
export function freeReserve(totalBytes: number): number {
  const share = totalBytes * 0.03;
  // On a tiny disk 1 GiB would take all of it out of use.
  return totalBytes < tinyDiskBytes ? share : Math.max(gib, share);
}

const tinyDiskBytes = 8 * gib;

/** Share of the store at most that is kept free for compaction: not more than every vault keeps anyway. */
const compactionShareMax = 1 - fullShare;

/** Bytes that puts leave for compaction: a segment's living part is copied before the segment goes. */
export function compactionRoom(capacity: number, segmentBytes: number): number {
  return Math.min(segmentBytes, capacity * compactionShareMax);
}

/** How long compaction waits where the queue of writes is full, milliseconds: a few groups. */
export const queueRestMs = 100;

/** How long a figure of free space is trusted, milliseconds; own writes are subtracted meanwhile. */
export const freeSpaceAgeMs = 1000;

/** How long unused read buffers are kept, milliseconds. */
export const bufferIdleMs = 10_000;

/** The segment size for vaults of `capacity` bytes together. */
export function fittedSegmentBytes(capacity: number): number {
  return Math.min(segmentBytesMax, Math.max(segmentBytesMin, Math.floor(capacity / segmentsPerStore)));
}

assert(segmentBytesMax + defaultStoreLimits.groupBytesMax < 2 ** 32, "offsets in a segment must fit 32 bits");
assert(segmentBytesMin >= 2 * chunkSizeMax, "a segment must hold more than one chunk");
