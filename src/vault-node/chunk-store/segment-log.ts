// The log: numbered segment files to which groups of entries are appended with one write and one sync. It is the truth
// of the store; everything else can be made from it.
import { join } from "node:path";
import type { Disk, DiskFile } from "./disk-port.ts";
import { createSegmentFiles, type SegmentFiles } from "./segment-files.ts";
import { openSegmentsMax } from "./store-limits.ts";

/**
 * `end` and `dead` in bytes: what is written, and how much of it nobody needs any more. `notes`: bytes of notes, which
 * are needed until the segments they are about are gone; `gone`: how many segments had gone when the last was written.
 */
export type SegmentFigures = { readonly end: number; readonly dead: number; readonly notes: number; readonly gone: number };
export type LogPosition = { readonly segment: number; readonly offset: number };

export type SegmentLog = {
  readonly files: SegmentFiles;
  /** Where the next group would begin; behind a sealed segment, the one after it: so a seal outlives a restart. */
  position(): LogPosition;
  /** Begins the segment the next group of `bytes` belongs to, where it is not there yet. */
  prepare(bytes: number): Promise<LogPosition>;
  /** Writes a group at `position()` and syncs it. Rejects with the system's error. It is part of the log once `extend` says so. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /** Says that a segment, the last or a new one, reaches to `end`. */
  extend(segment: number, end: number): void;
  /** Lets the next group begin a new segment. */
  seal(): void;
  segments(): ReadonlyMap<number, SegmentFigures>;
  addDead(segment: number, bytes: number): void;
  addNote(segment: number, bytes: number): void;
  /** How many segments have gone since the log was begun. */
  gone(): number;
  /** Bytes of all segments. */
  bytes(): number;
  deadBytes(): number;
  /** Takes a segment out of the books; its file goes with `unlink`. */
  drop(segment: number): void;
  unlink(segment: number): Promise<void>;
  close(): Promise<void>;
};

type Segment = { -readonly [Key in keyof SegmentFigures]: SegmentFigures[Key] };
export type LogOptions = { readonly disk: Disk; readonly directory: string; readonly segmentBytes: number };

const namePattern = /^segment-(\d{8,})$/;

/** The file of a segment. */
export function segmentPath(directory: string, segment: number): string {
  return join(directory, `segment-${String(segment).padStart(8, "0")}`);
}

/** The segments in a directory, in their order. */
export async function listSegments(disk: Disk, directory: string): Promise<readonly number[]> {
  const names = await disk.list(directory);
  return names
    .flatMap((name) => namePattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * open: groups are appended · ended: the next group begins a new segment, and so it is after a restart · broken: the same,
 * but a write failed: the next start must still look at what is behind the end.
 */
type Ending = "open" | "ended" | "broken";

/** The log in `directory` with the segments known so far; numbers up to `lastUsed` are never given again. */
export function createSegmentLog(options: LogOptions, known: ReadonlyMap<number, SegmentFigures>, lastUsed: number): SegmentLog {
  const { disk, directory, segmentBytes } = options;
  const files = createSegmentFiles(disk, (segment) => segmentPath(directory, segment), openSegmentsMax);
  const books = createSegmentBooks(known);
  const { segments } = books;
  let active = lastUsed;
  let lastTried = lastUsed;
  let ending: Ending = segments.has(active) ? "open" : active > 0 ? "ended" : "broken";
  const gone = (): number => active - segments.size;
  const end = (): number => segments.get(active)?.end ?? 0;
  const position = (): LogPosition => (ending === "ended" ? { segment: active + 1, offset: 0 } : { segment: active, offset: end() });
  const extend = (segment: number, to: number): void => {
    if (segment > active || !segments.has(segment)) ending = "open";
    books.extend(segment, to);
    active = Math.max(active, segment);
    lastTried = Math.max(lastTried, active);
  };
  const begin = async (): Promise<void> => {
    // A number is tried once: a failed attempt may have left a file, which the next start clears away.
    lastTried += 1;
    const next = lastTried;
    files.adopt(next, await disk.open(segmentPath(directory, next), "create"));
    await disk.syncDirectory(directory);
    extend(next, 0);
  };
  return {
    files,
    position,
    prepare: async (more) => {
      if (ending !== "open" || (end() > 0 && end() + more > segmentBytes)) await begin();
      return position();
    },
    append: async (parts) => {
      const from = end();
      await files
        .use(active, (file) => writeOrTakeBack(file, parts, from))
        .catch((error: unknown) => {
          // Whatever came of the group, nothing is ever appended behind it.
          ending = "broken";
          throw error;
        });
    },
    extend,
    seal: () => {
      ending = "ended";
    },
    segments: () => segments,
    addDead: books.addDead,
    addNote: (segment, more) => books.addNote(segment, more, gone()),
    gone,
    bytes: books.bytes,
    deadBytes: books.deadBytes,
    drop: (segment) => {
      books.drop(segment);
      if (segment === active) ending = "ended";
    },
    unlink: async (segment) => {
      await files.forget(segment);
      await disk.unlink(segmentPath(directory, segment)).catch(mustBeGone);
      await disk.syncDirectory(directory);
    },
    close: () => files.close(),
  };
}

type SegmentBooks = {
  readonly segments: ReadonlyMap<number, SegmentFigures>;
  extend(segment: number, end: number): void;
  addDead(segment: number, bytes: number): void;
  addNote(segment: number, bytes: number, gone: number): void;
  drop(segment: number): void;
  bytes(): number;
  deadBytes(): number;
};

/** The figures of all segments and their sums. */
function createSegmentBooks(known: ReadonlyMap<number, SegmentFigures>): SegmentBooks {
  const segments = new Map<number, Segment>([...known].map(([number, figures]) => [number, { ...figures }]));
  let bytes = sum(segments, "end");
  let dead = sum(segments, "dead");
  const figures = (segment: number): Segment => segments.get(segment) ?? { end: 0, dead: 0, notes: 0, gone: 0 };
  return {
    segments,
    extend: (segment, end) => {
      const one = figures(segment);
      bytes += end - one.end;
      one.end = end;
      segments.set(segment, one);
    },
    addDead: (segment, more) => {
      if (!segments.has(segment)) return;
      figures(segment).dead += more;
      dead += more;
    },
    addNote: (segment, more, gone) => {
      const one = segments.get(segment);
      if (one === undefined) return;
      one.notes += more;
      one.gone = gone;
    },
    drop: (segment) => {
      const one = figures(segment);
      bytes -= one.end;
      dead -= one.dead;
      segments.delete(segment);
    },
    bytes: () => bytes,
    deadBytes: () => dead,
  };
}

// Taken back as good as it goes on a disk that has just failed; the next start copes with what is left.
async function writeOrTakeBack(file: DiskFile, parts: readonly Uint8Array[], end: number): Promise<void> {
  try {
    await file.pwritev(parts, end);
    await file.fdatasync();
  } catch (error) {
    const takeBack = async (): Promise<void> => {
      await file.truncate(end);
      await file.fdatasync();
    };
    await takeBack().catch(() => {});
    throw error;
  }
}

// An attempt before may have got as far as this and no further.
function mustBeGone(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
}

function sum(segments: ReadonlyMap<number, Segment>, key: keyof Segment): number {
  let total = 0;
  for (const segment of segments.values()) total += segment[key];
  return total;
}
