// The index on disk: from an address to where its chunk lies. Changes come in batches, each a new sorted run; the newest
// run that knows an address is right. Runs are merged in the background, so that few have to be asked. All of it may be lost
// at any time: the log can make it again.
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { booksOf, type IndexState } from "./index-books.ts";
import type { IndexFiles } from "./index-files.ts";
import { mergeRuns, recordsBehind, runsToMerge } from "./index-merge.ts";
import { addressBytes, type Place, readPlace, recordBytes, writeRecord } from "./index-page.ts";
import { isPassing } from "./store-health.ts";
import { runsMax } from "./store-limits.ts";

export type IndexFile = {
  /** As last written; undefined for a new index. */
  state(): IndexState | undefined;
  /** Throws a `ChunkStoreError` io where the index cannot be read. */
  find(address: Address): Place | undefined;
  /** Throws as `find` does. */
  entries(): Iterable<[Address, Place]>;
  /** Writes changes and state, synced; `null` removes. Rejects with the reason where nothing was written. One at a time. */
  write(changes: ReadonlyMap<Address, Place | null>, state: IndexState): Promise<void>;
  /** What the files take on the disk. */
  bytes(): number;
  /** What it may take while all runs are merged. */
  bytesMax(): number;
  /** Resolves once no runs are being merged. */
  merged(): Promise<void>;
  close(): Promise<void>;
};

/** Addresses that are looked at in one go: a millisecond. */
const pageEntries = 512;

/** The index in `files`; `failed` hears what made it unreadable, or its files unwritable in the background. */
export function createIndexFile(files: IndexFiles, failed: (error: unknown) => void): IndexFile {
  const key = Buffer.alloc(addressBytes);
  let closed = false;
  // Found rotten, the index is not used for another start: there it is made again.
  const reading = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      if (!isPassing(error)) {
        failed(error);
        void files.withdraw().catch(failed);
      }
      throw new ChunkStoreError("io", "the index of the chunk store cannot be read", error);
    }
  };
  const merges = createMerges(files, failed);
  merges.wake();
  return {
    state: () => files.books().state,
    find: (address) => {
      if (closed || files.runs().length === 0) return undefined;
      key.write(address, "hex");
      return reading(() => findIn(files, key));
    },
    entries: () => entriesOf(files, reading, () => closed),
    write: async (changes, state) => {
      if (files.runs().length >= runsMax) await merges.idle();
      await writeChanges(files, changes, state);
      merges.wake();
    },
    bytes: () => files.bytes(),
    bytesMax: () => files.bytesMax(),
    merged: () => merges.idle(),
    close: async () => {
      closed = true;
      await merges.stop();
      await files.close();
    },
  };
}

function findIn(files: IndexFiles, key: Buffer): Place | undefined {
  const runs = files.runs();
  for (let age = runs.length - 1; age >= 0; age -= 1) {
    const record = runs[age]?.find(key);
    if (record !== undefined) return readPlace(record, 0, files.books().vaults);
  }
  return undefined;
}

// Page by page, so that nobody who is slow keeps runs that were merged since.
function* entriesOf(files: IndexFiles, reading: <T>(action: () => T) => T, isClosed: () => boolean): Iterable<[Address, Place]> {
  let last: Buffer | undefined;
  while (!isClosed()) {
    const after = last;
    const records = reading(() => recordsBehind(files.runs().toReversed(), after, pageEntries));
    for (let at = 0; at < records.length; at += recordBytes) {
      const place = reading(() => readPlace(records, at, files.books().vaults));
      if (place !== undefined) yield [addressFromBytes(records.subarray(at, at + addressBytes)), place];
    }
    if (records.length < pageEntries * recordBytes) return;
    last = records.subarray(records.length - recordBytes, records.length - recordBytes + addressBytes);
  }
}

async function writeChanges(files: IndexFiles, changes: ReadonlyMap<Address, Place | null>, state: IndexState): Promise<void> {
  const { vaults } = booksOf([], files.books().vaults, state);
  const numbers = new Map(vaults.map((vault, number) => [vault, number]));
  const record = Buffer.alloc(recordBytes);
  const fresh = files.runs().length === 0;
  const added =
    changes.size === 0
      ? undefined
      : await files.newRun(changes.size, async (writer) => {
          for (const address of [...changes.keys()].sort()) {
            const place = changes.get(address) ?? null;
            // Where nothing is older, what is nowhere needs no record.
            if (place === null && fresh) continue;
            writeRecord(record, address, place, place === null ? 0 : (numbers.get(place.vault) ?? 0));
            if (writer.isFull()) await writer.write();
            writer.add(record, 0);
          }
        });
  await files.replace({ taken: [], added, state });
}

type Merges = { wake(): void; idle(): Promise<void>; stop(): Promise<void> };

/** Merging in the background, one after another. Cut short at any moment, it is simply done again. */
function createMerges(files: IndexFiles, failed: (error: unknown) => void): Merges {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const next = (): number => {
    const accounts = [...(files.books().state?.accounts.values() ?? [])];
    const live = accounts.reduce((sum, { chunks }) => sum + chunks, 0);
    return runsToMerge(
      files.runs().map(({ records }) => records),
      live,
    );
  };
  const merge = async (count: number): Promise<void> => {
    const taken = files.runs().slice(-count);
    const isWhole = taken.length === files.runs().length;
    const records = taken.reduce((sum, run) => sum + run.records, 0);
    const added = await files.newRun(records, (writer) =>
      mergeRuns({ runs: taken.toReversed(), writer, isWhole, signal: stopping.signal }),
    );
    await files.replace({ taken, added });
  };
  const run = async (): Promise<void> => {
    try {
      for (let count = next(); count > 0 && !stopping.signal.aborted; count = next()) await merge(count);
    } catch (error) {
      if (stopping.signal.aborted) return;
      failed(error);
      if (error instanceof RangeError) await files.withdraw().catch(failed);
    } finally {
      running = undefined;
    }
  };
  return {
    wake: () => {
      if (running === undefined && !stopping.signal.aborted && next() > 0) running = run();
    },
    idle: async () => running,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
