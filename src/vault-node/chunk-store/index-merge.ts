// Runs read together in the order of addresses, the newest record of each: to make one run of several, and to go through
// the whole index. And the rule by which runs are merged, which is what keeps both their number and the bytes written small.
import { addressBytes, checkedCount, compareAddresses, isRemoved, pageBytes, prefixAt, recordBytes } from "./index-page.ts";
import { type IndexRun, type RunWriter, slotOf } from "./index-run.ts";
import { isPassing } from "./store-health.ts";
import { mergeGrowth, mergeWindowPages } from "./store-limits.ts";

/**
 * How many of the newest runs to make one of, 0 for none. `sizes`: their records, the oldest first; `live`: how many of those
 * say where a chunk is. Runs are merged from the oldest on behind which `mergeGrowth` - 1 times as many records stand: so a
 * record is written again each time what it lies in has grown that much, and the logarithm of the store bounds both that and
 * the number of runs. All are merged once half of the records say nothing any more.
 */
export function runsToMerge(sizes: readonly number[], live: number): number {
  let behind = sizes.reduce((sum, size) => sum + size, 0);
  if (behind > 2 * live && sizes.length > 1) return sizes.length;
  for (const [older, size] of sizes.entries()) {
    behind -= size;
    if (older < sizes.length - 1 && size * (mergeGrowth - 1) <= behind) return sizes.length - older;
  }
  return 0;
}

type Cursor = {
  readonly run: IndexRun;
  readonly window: Buffer;
  /** The page of the run with which the window begins, and how many it has. */
  first: number;
  filled: number;
  /** Where the record under the cursor lies: page of the window, slot, and how many slots there are. */
  page: number;
  slot: number;
  count: number;
  prefix: number;
};

function cursorAt(run: IndexRun, page: number, windowPages: number): Cursor {
  const window = Buffer.allocUnsafe(Math.min(windowPages, run.pages - page) * pageBytes);
  return { run, window, first: page, filled: 0, page: 0, slot: 0, count: 0, prefix: 0 };
}

const at = ({ page, slot }: Cursor): number => page * pageBytes + slot * recordBytes;
const isSpent = ({ page, filled }: Cursor): boolean => page >= filled;
const isDone = (cursor: Cursor): boolean => isSpent(cursor) && cursor.first + cursor.filled >= cursor.run.pages;

/** What comes next of a run, for the window: its bytes and where they are in the file. */
function nextWindow(cursor: Cursor): { readonly target: Buffer; readonly position: number } {
  cursor.first += cursor.filled;
  const pages = Math.min(cursor.window.length / pageBytes, cursor.run.pages - cursor.first);
  cursor.filled = pages;
  cursor.page = 0;
  return { target: cursor.window.subarray(0, pages * pageBytes), position: cursor.first * pageBytes };
}

function openPage(cursor: Cursor, slot: number): void {
  cursor.slot = slot;
  if (isSpent(cursor)) return;
  cursor.count = checkedCount(cursor.window, cursor.page * pageBytes);
  if (slot >= cursor.count) return nextPage(cursor);
  cursor.prefix = prefixAt(cursor.window, at(cursor));
}

function nextPage(cursor: Cursor): void {
  cursor.page += 1;
  openPage(cursor, 0);
}

function advance(cursor: Cursor): void {
  cursor.slot += 1;
  if (cursor.slot >= cursor.count) nextPage(cursor);
  else cursor.prefix = prefixAt(cursor.window, at(cursor));
}

// Of equal addresses the first, which is the newest: cursors stand in the order of their age.
function smallest(cursors: readonly Cursor[]): Cursor | undefined {
  let best: Cursor | undefined;
  for (const cursor of cursors) {
    if (isSpent(cursor)) continue;
    if (best === undefined || cursor.prefix < best.prefix) best = cursor;
    else if (cursor.prefix === best.prefix && compareAddresses(cursor.window, at(cursor), best.window, at(best)) < 0) best = cursor;
  }
  return best;
}

/** Takes the records under the cursors in order, until one must read on; `take` says whether it wants more. True where it did. */
function walk(cursors: readonly Cursor[], last: Buffer, take: (source: Buffer, at: number) => boolean): boolean {
  for (let next = smallest(cursors); next !== undefined; next = smallest(cursors)) {
    const isOlder = compareAddresses(next.window, at(next), last, 0) === 0;
    let more = true;
    if (!isOlder) {
      next.window.copy(last, 0, at(next), at(next) + addressBytes);
      more = take(next.window, at(next));
    }
    advance(next);
    if (!more || (isSpent(next) && !isDone(next))) return more;
  }
  return true;
}

// No chunk has this address: it would be one whose hash is zero.
const beforeAll = (): Buffer => Buffer.alloc(addressBytes);

export type Merge = {
  /** The newest first. */
  readonly runs: readonly IndexRun[];
  readonly writer: RunWriter;
  /** No older run is left behind these: what is nowhere needs no record. */
  readonly isWhole: boolean;
  readonly signal: AbortSignal;
};

/** Writes the newest record of each address in `runs` to `writer`. Rejects with the system's error, a `RangeError` for a page that has rotted or cannot be read, or the signal's reason. */
export async function mergeRuns({ runs, writer, isWhole, signal }: Merge): Promise<void> {
  const cursors = runs.map((run) => cursorAt(run, 0, mergeWindowPages));
  const last = beforeAll();
  const take = (source: Buffer, from: number): boolean => {
    if (!(isWhole && isRemoved(source, from))) writer.add(source, from);
    return !writer.isFull();
  };
  while (!cursors.every(isDone)) {
    signal.throwIfAborted();
    for (const cursor of cursors) {
      if (!isSpent(cursor) || isDone(cursor)) continue;
      const { target, position } = nextWindow(cursor);
      if ((await cursor.run.file.pread(target, position).catch(unreadable)) !== target.length)
        throw new RangeError("a run of the index is torn");
      openPage(cursor, 0);
    }
    walk(cursors, last, take);
    if (writer.isFull()) await writer.write();
  }
}

// Told from a disk that takes no new run: a run with a spot that cannot be read would stop every other start here too.
function unreadable(cause: unknown): never {
  if (isPassing(cause)) throw cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  throw Object.assign(new RangeError("a run of the index cannot be read", { cause }), { code });
}

/** The newest records of up to `limit` addresses behind `after`, one after another; the runs come newest first. Throws as `IndexRun.find` does. */
export function recordsBehind(runs: readonly IndexRun[], after: Buffer | undefined, limit: number): Buffer {
  const key = after ?? beforeAll();
  const cursors = runs.map((run) => cursorAt(run, after === undefined ? 0 : run.pageOf(after), 1));
  const last = Buffer.from(key);
  const records = Buffer.alloc(limit * recordBytes);
  let taken = 0;
  const take = (source: Buffer, from: number): boolean => {
    source.copy(records, taken * recordBytes, from, from + recordBytes);
    taken += 1;
    return taken < limit;
  };
  const read = (cursor: Cursor): void => {
    const { target, position } = nextWindow(cursor);
    if (cursor.run.file.preadNow(target, position) !== target.length) throw new RangeError("a run of the index is torn");
    // Pages that hold nothing behind `key` are passed by.
    openPage(cursor, slotOf(target, checkedCount(target, 0), key));
  };
  for (let more = true; more && !cursors.every(isDone); more = walk(cursors, last, take))
    for (const cursor of cursors) while (isSpent(cursor) && !isDone(cursor)) read(cursor);
  return records.subarray(0, taken * recordBytes);
}
