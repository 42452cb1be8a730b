// Where each chunk is: the index file, and in front of it the changes that are in the log but not in that file yet. They
// go there in batches, so that a group commit costs one sync, and the index none.
import type { Address } from "../../protocol/address.ts";
import type { IndexState } from "./index-books.ts";
import type { IndexFile } from "./index-file.ts";
import type { Place } from "./index-page.ts";

export type ChunkIndex = {
  find(address: Address): Place | undefined;
  /** Notes where a chunk is from now on; null: nowhere. */
  set(address: Address, place: Place | null): void;
  /** Changes that no checkpoint has taken yet. */
  pending(): number;
  /** Writes all changes so far, which belong to `state`. One at a time. On failure the changes stay and are tried again next time. */
  checkpoint(state: IndexState): Promise<void>;
  /** What is held at the call; what comes or goes meanwhile may be in it or not. */
  entries(): Iterable<[Address, Place]>;
  /** What the index takes on the disk. */
  bytes(): number;
  /** What it may take while all runs are merged. */
  bytesMax(): number;
  /** Resolves once the index file has no work left in the background. */
  merged(): Promise<void>;
  close(): Promise<void>;
};

type Changes = Map<Address, Place | null>;

/** The index in front of `file`. */
export function createChunkIndex(file: IndexFile): ChunkIndex {
  let changes: Changes = new Map();
  // Being written by a checkpoint.
  let frozen: Changes = new Map();
  return {
    find: (address) => {
      const change = changes.get(address) ?? (changes.has(address) ? null : frozen.get(address));
      if (change !== undefined) return change ?? undefined;
      return frozen.has(address) ? undefined : file.find(address);
    },
    set: (address, place) => void changes.set(address, place),
    pending: () => changes.size,
    checkpoint: async (state) => {
      frozen = changes;
      changes = new Map();
      try {
        await file.write(frozen, state);
      } catch (error) {
        changes = new Map([...frozen, ...changes]);
        throw error;
      } finally {
        frozen = new Map();
      }
    },
    entries: () => overlaid(new Map([...frozen, ...changes]), file),
    bytes: () => file.bytes(),
    bytesMax: () => file.bytesMax(),
    merged: () => file.merged(),
    close: () => file.close(),
  };
}

function* overlaid(changes: Changes, file: IndexFile): Iterable<[Address, Place]> {
  for (const [address, place] of changes) if (place !== null) yield [address, place];
  for (const entry of file.entries()) if (!changes.has(entry[0])) yield entry;
}
