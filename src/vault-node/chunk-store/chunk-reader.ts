// Reading chunks: a few at a time on the disk, into shared buffers that are used again, and checked against their
// address before anybody sees them.
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { ReadOutcome } from "./chunk-store.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import type { Place } from "./index-page.ts";
import type { Ledger } from "./ledger.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { createReadTurns } from "./read-turns.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { isPassing, type StoreHealth } from "./store-health.ts";
import type { StoreLimits } from "./store-limits.ts";

export type ReaderParts = {
  readonly index: ChunkIndex;
  readonly ledger: Ledger;
  readonly files: SegmentFiles;
  readonly buffers: ReadBuffers;
  readonly health: Pick<StoreHealth, "failed">;
  readonly limits: StoreLimits;
};

export type ChunkReader = { get(address: Address): Promise<ReadOutcome>; close(): Promise<void> };

/** A reader over these parts. */
export function createChunkReader(parts: ReaderParts): ChunkReader {
  const turns = createReadTurns(parts.limits.readsMax, parts.limits.queueCallsMax);
  let closed = false;
  return {
    get: async (address) => {
      if (closed) throw new ChunkStoreError("closed", "the chunk store has been closed");
      if (parts.index.find(address) === undefined) return { kind: "absent" };
      return turns.take(() => readOne(parts, address));
    },
    close: async () => {
      closed = true;
      await turns.idle();
    },
  };
}

// The place is looked up when the turn has come: from here to the file being held there is no wait in which it could move.
async function readOne(parts: ReaderParts, address: Address): Promise<ReadOutcome> {
  const { index, files, buffers, health } = parts;
  const place = index.find(address);
  if (place === undefined) return { kind: "absent" };
  if (place.segment === 0) return { kind: "damaged", vault: place.vault };
  const buffer = buffers.take(place.size);
  try {
    const length = await files.use(place.segment, (file) => file.pread(buffer.bytes, place.offset));
    if (length === place.size && chunkAddress(buffer.bytes) === address)
      return { kind: "found", bytes: buffer.bytes, vault: place.vault, release: buffer.release };
  } catch (error) {
    buffer.release();
    // Too many open files and the like say nothing about the disk.
    if (isPassing(error)) throw new ChunkStoreError("io", "the chunk could not be read now", error);
    health.failed(error);
    return damagedAt(parts, address, place);
  }
  buffer.release();
  return damagedAt(parts, address, place);
}

async function damagedAt(parts: ReaderParts, address: Address, place: Place): Promise<ReadOutcome> {
  parts.ledger.markDamaged(address, place);
  const now = parts.index.find(address);
  if (now === undefined) return { kind: "absent" };
  // Put anew while it was read: that copy lies elsewhere and is sound as far as anybody knows.
  return now.damaged ? { kind: "damaged", vault: place.vault } : readOne(parts, address);
}
