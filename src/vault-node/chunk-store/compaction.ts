// Compaction: a segment most of which nobody needs is copied, the living part only, to the end of the log at a bounded
// rate, and deleted once the index on disk knows the new places. Cut short at any moment, it is simply done again.
import { chunkAddress } from "../../protocol/address.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import type { DiskFile } from "./disk-port.ts";
import type { GroupWriter, Job } from "./group-writer.ts";
import type { Ledger } from "./ledger.ts";
import { entryBytes, entryHeaderBytes } from "./log-entry.ts";
import { type FoundEntry, scanSegment } from "./recovery.ts";
import type { SegmentFigures, SegmentLog } from "./segment-log.ts";
import type { StoreHealth } from "./store-health.ts";
import { queueRestMs, type StoreLimits } from "./store-limits.ts";
import { type Move, moveJob, sealJob } from "./write-jobs.ts";

export type CompactionParts = {
  readonly log: SegmentLog;
  readonly index: ChunkIndex;
  readonly ledger: Ledger;
  readonly health: StoreHealth;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  readonly report: Log;
  writer(): GroupWriter;
  /** Bytes the store may take on the disk; near it even little dead space is worth the work. */
  readonly bytesMax: number;
  /** Bytes it takes now, its index counted. */
  taken(): number;
};

export type Compaction = {
  /** Looks for work unless it is at it. */
  wake(): void;
  /** Resolves once there is no work left. */
  idle(): Promise<void>;
  stop(): Promise<void>;
};

/** Above this share of the bytes allowed, room is short. */
const pressedShare = 0.9;
const pressedDeadShare = 0.1;

/** Entries of the index looked at in one go: a few milliseconds. */
const entriesPerSlice = 4096;

/** Compaction in the background. */
export function createCompaction(parts: CompactionParts): Compaction {
  const { health, report } = parts;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  // Copied and out of the books, their files not deleted yet: a disk that fails in between leaves them for the next run.
  const emptied = new Set<number>();
  const hasWork = (): boolean => emptied.size > 0 || choose(parts) !== undefined;
  const run = async (): Promise<void> => {
    try {
      if (emptied.size > 0) await remove(parts, emptied);
      for (let segment = choose(parts); segment !== undefined; segment = choose(parts)) {
        if (stopping.signal.aborted || health.now().mode === "read-only") return;
        if (!(await compact(parts, segment, stopping.signal))) return;
        emptied.add(segment);
        await remove(parts, emptied);
      }
    } catch (cause) {
      if (stopping.signal.aborted) return;
      health.failed(cause);
      report.error("compaction failed", { cause });
    } finally {
      running = undefined;
    }
  };
  return {
    wake: () => {
      if (running !== undefined || stopping.signal.aborted || health.now().mode === "read-only") return;
      if (hasWork()) running = run();
    },
    idle: async () => running,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

// The segment with the largest dead share, where it is worth the work and its living part has room beside it.
function choose({ log, limits, bytesMax, taken }: CompactionParts): number | undefined {
  const pressed = taken() > bytesMax * pressedShare;
  let best: { readonly segment: number; readonly share: number } | undefined;
  for (const [segment, figures] of log.segments()) {
    const { end } = figures;
    const dead = freed(figures, log);
    const isActive = segment === log.position().segment;
    // One without anything was begun in vain, on a full disk, unless it is the one to be written.
    const share = end > 0 ? dead / end : isActive ? 0 : 1;
    if (share < (pressed ? pressedDeadShare : limits.compactionDeadShare) || (isActive && !pressed)) continue;
    if (taken() + end - dead > bytesMax && dead < end) continue;
    if (best === undefined || share > best.share) best = { segment, share };
  }
  return best?.segment;
}

// Notes are freed with the segments they are about. Which ones is not kept count of: once as many segments
// have gone as half of those there are, half the notes are worth nothing on average.
function freed({ dead, notes, gone }: SegmentFigures, log: SegmentLog): number {
  const enough = Math.max(1, log.segments().size / 2);
  return log.segments().size === 1 || log.gone() - gone >= enough ? dead + notes : dead;
}

async function compact(parts: CompactionParts, segment: number, signal: AbortSignal): Promise<boolean> {
  const { log, health, report, clock, limits } = parts;
  const hasRoom = (bytes: number): boolean => parts.taken() + bytes <= parts.bytesMax;
  if (segment === log.position().segment)
    await submit(
      parts,
      sealJob(() => log.seal()),
      signal,
    );
  const moved = await log.files.use(segment, async (file) => {
    let bytes = 0;
    const walk = movesOf(parts, segment, file);
    for (let step = await walk.next(); ; step = await walk.next()) {
      if (signal.aborted) return undefined;
      if (step.done === true) return bytes;
      const moves = step.value;
      if (!(await submit(parts, moveJob(moves, hasRoom), signal))) return undefined;
      const batch = moves.reduce((sum, { head }) => sum + entryBytes(head), 0);
      bytes += batch;
      await clock.sleep((batch / limits.compactionBytesPerSecond) * 1000, signal);
    }
  });
  if (moved === undefined) return false;
  // A disk that has failed meanwhile leaves doubts in the index which the next start settles from the log.
  if (health.now().mode === "read-only") return false;
  log.drop(segment);
  report.debug("a segment was compacted", { segment, moved });
  return true;
}

// A queue that is full says nothing against the disk: callers come first, and what is copied waits.
async function submit<T>({ writer, clock }: CompactionParts, job: Job<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await writer().submit(job);
    } catch (error) {
      if (!(error instanceof ChunkStoreError && error.code === "busy")) throw error;
    }
    await clock.sleep(queueRestMs, signal);
  }
}

// Nothing may be deleted before the index on disk has the new places, nor be listed after it is deleted.
async function remove({ log, health, writer }: CompactionParts, emptied: Set<number>): Promise<void> {
  await writer().checkpoint();
  for (const segment of emptied) {
    await log.unlink(segment);
    emptied.delete(segment);
  }
  health.changed();
}

// What must be kept of a segment, in batches of about one largest chunk.
async function* movesOf(parts: CompactionParts, segment: number, file: DiskFile): AsyncGenerator<readonly Move[]> {
  let batch: Move[] = [];
  let bytes = 0;
  for await (const entry of entriesOf(parts, segment, file)) {
    const move = await moveOf(parts, { segment, file }, entry);
    if (move === undefined) continue;
    batch.push(move);
    bytes += entryBytes(move.head);
    if (bytes < chunkSizeMax) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

// The entries of a segment by their headers, and where one of those has rotted, once more by what the index knows.
async function* entriesOf(parts: CompactionParts, segment: number, file: DiskFile): AsyncGenerator<FoundEntry> {
  const { index, log, report, clock } = parts;
  const { end, gaps } = yield* scanSegment(file, { segment, from: 0, verify: false });
  if (gaps === 0 && end === log.segments().get(segment)?.end) return;
  report.warn("a segment has a damaged header: its chunks are looked for in the index", { segment });
  let seen = 0;
  for (const [address, { vault, size, storedAtMs, ...place }] of index.entries()) {
    seen += 1;
    // A large index is gone through in slices, so that nobody waits for all of it.
    if (seen % entriesPerSlice === 0) await clock.sleep(0);
    if (place.segment !== segment) continue;
    yield { head: { kind: "put", address, vault, size, storedAtMs, layIn: 0 }, offset: place.offset - entryHeaderBytes, damaged: false };
  }
}

type From = { readonly segment: number; readonly file: DiskFile };

async function moveOf({ index, ledger, log }: CompactionParts, from: From, { head, offset }: FoundEntry): Promise<Move | undefined> {
  const place = index.find(head.address);
  // A note is needed as long as the segment is there in which the chunk lay.
  if (head.kind !== "put") return head.layIn !== from.segment && log.segments().has(head.layIn) ? { head } : undefined;
  if (place === undefined || place.segment !== from.segment || place.offset !== offset + entryHeaderBytes) return undefined;
  const bytes = new Uint8Array(head.size);
  if ((await from.file.pread(bytes, place.offset)) === head.size && chunkAddress(bytes) === head.address) return { head, place, bytes };
  ledger.markDamaged(head.address, place, true);
  return undefined;
}
