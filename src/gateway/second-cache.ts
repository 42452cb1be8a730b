// Chunks beyond those in memory: further caches are asked in turn, and readers of one chunk who come together cost one look.
import type { Address } from "../protocol/address.ts";
import type { ByteCache } from "./chunk-cache.ts";

/** What came of look-ups since the start; damaged: what lay there was not the chunk, and was removed. */
export const secondCacheResults = ["hit", "miss", "damaged", "failed"] as const;
export type SecondCacheCounts = Readonly<Record<(typeof secondCacheResults)[number], number>>;

/** A cache that is slower than memory and may fail at any moment, which costs nothing but the look. */
export type SecondCache = {
  readonly kind: "disk" | "redis";
  /** The chunk, verified by its address; undefined where it is not there or of no use. Takes a bounded time; never rejects. */
  get(address: Address): Promise<Uint8Array | undefined>;
  /** Keeps a chunk some time soon, unless too much waits already. The bytes must not change. */
  put(address: Address, bytes: Uint8Array): void;
  /** Bytes held here; undefined where others hold them. */
  bytes(): number | undefined;
  counts(): SecondCacheCounts;
};

export type ChunkCaches = ByteCache & {
  /** What is not in memory but in one of the others; it is in memory from then on. Never rejects. */
  find(address: Address): Promise<Uint8Array | undefined>;
};

/** `memory` first, then `others` in their order. */
export function createChunkCaches(memory: ByteCache, others: readonly SecondCache[]): ChunkCaches {
  const looking = new Map<Address, Promise<Uint8Array | undefined>>();
  const look = async (address: Address): Promise<Uint8Array | undefined> => {
    for (const [index, cache] of others.entries()) {
      const bytes = await cache.get(address);
      if (bytes === undefined) continue;
      memory.put(address, bytes);
      for (const nearer of others.slice(0, index)) nearer.put(address, bytes);
      return bytes;
    }
    return undefined;
  };
  return {
    ...memory,
    find: (address) => {
      const known = looking.get(address) ?? look(address).finally(() => looking.delete(address));
      looking.set(address, known);
      return known;
    },
    put: (name, bytes) => {
      memory.put(name, bytes);
      for (const cache of others) cache.put(name as Address, bytes);
    },
  };
}

/** Counts what came of look-ups. */
export function createSecondCacheCounts(): {
  readonly add: (result: keyof SecondCacheCounts) => void;
  readonly read: () => SecondCacheCounts;
} {
  const counts = { hit: 0, miss: 0, damaged: 0, failed: 0 };
  return {
    add: (result) => {
      counts[result] += 1;
    },
    read: () => ({ ...counts }),
  };
}
