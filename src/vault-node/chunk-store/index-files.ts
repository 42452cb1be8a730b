// The files of the index: runs, and the books that name them. Nothing is written over: a change is a new run and new books,
// which count once they are synced. Of what a crash leaves behind, the next start keeps what the newest sound books name.
import { join } from "node:path";
import type { Disk, DiskFile } from "./disk-port.ts";
import { booksOf, booksText, emptyBooks, type IndexBooks, type IndexState, parseBooks } from "./index-books.ts";
import { beginRun, type IndexRun, openRun, type RunWriter } from "./index-run.ts";

export type IndexFiles = {
  /** The runs that count, the oldest first. */
  runs(): readonly IndexRun[];
  books(): IndexBooks;
  /** Writes a run of at most `recordsMax` records, synced, which does not count yet; undefined where nothing was added. */
  newRun(recordsMax: number, fill: (writer: RunWriter) => Promise<void>): Promise<IndexRun | undefined>;
  /** Lets `added` count in the place of the runs `taken`, or behind all; and `state`, absent = the one before. Rejects where nothing changed. */
  replace(change: Replacement): Promise<void>;
  /** Takes the books away: the index is made again at the next start, and nothing is written until then. */
  withdraw(): Promise<void>;
  /** What the files take on the disk. */
  bytes(): number;
  /** What they may take while all runs are merged. */
  bytesMax(): number;
  close(): Promise<void>;
};

export type Replacement = {
  readonly taken: readonly IndexRun[];
  readonly added: IndexRun | undefined;
  readonly state?: IndexState;
};

const namePattern = /^(run|books)-(\d{8,})$/;
// The index of format 1. Where there is one, an older program was here last, and ours says what once was.
const oldNames: ReadonlySet<string> = new Set(["data.mdb", "lock.mdb", "being-read"]);
const diskBlockBytes = 4096;

const nameOf = (kind: "run" | "books", number: number): string => `${kind}-${String(number).padStart(8, "0")}`;
const isOurs = (name: string): boolean => namePattern.test(name) || oldNames.has(name);
const onDisk = (bytes: number): number => Math.ceil(bytes / diskBlockBytes) * diskBlockBytes;

type Opened = { readonly books: IndexBooks; readonly number: number; readonly bytes: number; readonly runs: readonly IndexRun[] };

/** Opens the index in `directory`, an empty one where there is none that is sound. Rejects with the system's error. */
export async function openIndexFiles(disk: Disk, directory: string): Promise<IndexFiles> {
  const names = (await disk.list(directory)).filter(isOurs);
  const opened = names.some((name) => oldNames.has(name)) ? undefined : await newestSound(disk, directory, names);
  const { books, number, runs } = opened ?? { books: emptyBooks, number: 0, runs: [] };
  const kept = new Set([nameOf("books", number), ...runs.map((run) => nameOf("run", run.number))]);
  for (const name of names) if (!kept.has(name)) await disk.unlink(join(directory, name));
  const last = Math.max(0, ...names.flatMap((name) => Number(namePattern.exec(name)?.[2] ?? 0)));
  return indexFilesOf(disk, directory, { opened: { books, number, bytes: opened?.bytes ?? 0, runs }, last });
}

/** Deletes the index in `directory`; the next one is made from the log. Rejects with the system's error. */
export async function deleteIndex(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) if (isOurs(name)) await disk.unlink(join(directory, name));
}

async function newestSound(disk: Disk, directory: string, names: readonly string[]): Promise<Opened | undefined> {
  const numbers = names.flatMap((name) => (name.startsWith("books-") ? Number(namePattern.exec(name)?.[2]) : []));
  for (const number of numbers.sort((a, b) => b - a)) {
    const runs: IndexRun[] = [];
    try {
      const text = await readText(disk, join(directory, nameOf("books", number)));
      const books = parseBooks(text);
      for (const one of books.runs) runs.push(await openRun(disk, join(directory, nameOf("run", one)), one));
      return { books, number, bytes: text.length, runs };
    } catch {
      // The books before these are there until these are on disk; and where none are sound, there is the log.
      for (const { file } of runs) await file.close();
    }
  }
  return undefined;
}

async function readText(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, "read");
  try {
    const bytes = Buffer.alloc(await file.size());
    await file.pread(bytes, 0);
    return bytes.toString("utf8");
  } finally {
    await file.close();
  }
}

function indexFilesOf(disk: Disk, directory: string, { opened, last }: { opened: Opened; last: number }): IndexFiles {
  let { books, number, bytes, runs } = opened;
  // A number is tried once: a failed attempt may have left a file, which the next start clears away.
  let lastTried = last;
  let isWithdrawn = false;
  let replacing: Promise<void> = Promise.resolve();
  const growing = new Set<RunWriter>();
  const path = (kind: "run" | "books", of: number): string => join(directory, nameOf(kind, of));
  const discard = async (file: DiskFile | RunWriter, at: string): Promise<void> => {
    await file.close();
    await disk.unlink(at);
  };
  const newRun = async (recordsMax: number, fill: (writer: RunWriter) => Promise<void>): Promise<IndexRun | undefined> => {
    const of = ++lastTried;
    const writer = await beginRun(disk, { path: path("run", of), number: of, recordsMax });
    growing.add(writer);
    try {
      await fill(writer);
      const run = await writer.finish();
      if (run.records > 0) return run;
      await discard(run.file, path("run", of));
      return undefined;
    } catch (error) {
      await discard(writer, path("run", of)).catch(() => {});
      throw error;
    } finally {
      growing.delete(writer);
    }
  };
  const replace = async ({ taken, added, state }: Replacement): Promise<void> => {
    if (isWithdrawn) throw new RangeError("the index of the chunk store is not written any more");
    const place = taken[0] === undefined ? runs.length : runs.indexOf(taken[0]);
    const rest = runs.filter((run) => !taken.includes(run));
    const next = [...rest.slice(0, place), ...(added === undefined ? [] : [added]), ...rest.slice(place)];
    const numbers = next.map((run) => run.number);
    const before = state ?? books.state;
    const after = before === undefined ? { ...books, runs: numbers } : booksOf(numbers, books.vaults, before);
    const text = Buffer.from(booksText(after));
    if (number > 0 && text.equals(Buffer.from(booksText(books)))) return;
    const of = ++lastTried;
    await writeBooks(disk, path("books", of), text).catch(async (error: unknown) => {
      await disk.unlink(path("books", of)).catch(() => {});
      throw error;
    });
    await disk.syncDirectory(directory);
    const oldBooks = number;
    [books, number, bytes, runs] = [after, of, text.length, next];
    for (const run of taken) await discard(run.file, path("run", run.number));
    if (oldBooks > 0) await disk.unlink(path("books", oldBooks));
  };
  return {
    runs: () => runs,
    books: () => books,
    newRun,
    replace: (change) => {
      const done = replacing.then(() => replace(change));
      replacing = done.catch(() => {});
      return done.catch(async (error: unknown) => {
        const { added } = change;
        if (added !== undefined && !runs.includes(added)) await discard(added.file, path("run", added.number)).catch(() => {});
        throw error;
      });
    },
    withdraw: async () => {
      if (isWithdrawn) return;
      isWithdrawn = true;
      if (number > 0) await disk.unlink(path("books", number));
    },
    bytes: () => onDisk(bytes) + runBytes(runs) + [...growing].reduce((sum, writer) => sum + writer.written(), 0),
    bytesMax: () => 2 * (onDisk(bytes) + runBytes(runs)),
    close: async () => {
      await replacing;
      for (const { file } of runs) await file.close();
    },
  };
}

function runBytes(runs: readonly IndexRun[]): number {
  return runs.reduce((sum, run) => sum + onDisk(run.bytes), 0);
}

async function writeBooks(disk: Disk, path: string, text: Buffer): Promise<void> {
  const file = await disk.open(path, "create");
  try {
    await file.pwritev([text], 0);
    await file.fdatasync();
  } finally {
    await file.close();
  }
}
