// What can go wrong in a chunk store besides the outcomes it returns. A full or failing disk is no error here: it is the
// outcome `full` or `read-only`, and shows in the store's health.
import { chunkSizeMax } from "../../protocol/limits.ts";
import type { PutEntry } from "./chunk-store.ts";

/**
 * closed: the store was closed, or its process crashed in a simulation · busy: more waits than the limits allow ·
 * too-large: an entry over the limits · io: the disk failed a read.
 */
export type ChunkStoreErrorCode = "closed" | "busy" | "too-large" | "io";

/** A call that the chunk store could not answer. */
export class ChunkStoreError extends Error {
  override readonly name = "ChunkStoreError";
  readonly code: ChunkStoreErrorCode;
  constructor(code: ChunkStoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** Throws a `ChunkStoreError` too-large where an entry is larger than any chunk. */
export function mustFit(entries: readonly PutEntry[]): void {
  const large = entries.find(({ bytes }) => bytes.length > chunkSizeMax);
  if (large !== undefined) throw new ChunkStoreError("too-large", `a chunk has at most ${chunkSizeMax} bytes, got ${large.bytes.length}`);
}
