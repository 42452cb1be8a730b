// The chunk store as the node uses it: the same store, and whoever keeps an inventory hears what came and went, and what
// turned out to be damaged or lost when it was read.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";

export type StoreListener = {
  /** Durable here now. */
  added(address: Address): void;
  /** Removed on purpose, or not here whatever was believed. */
  removed(address: Address): void;
  /** The bytes are wrong or cannot be read; `vault`: whose chunk it was, where the store still knows. */
  spoilt(address: Address, vault: VaultName | undefined): void;
};

/** `store`, telling `listener`. */
export function watchStore(store: ChunkStore, listener: StoreListener): ChunkStore {
  return {
    ...store,
    put: async (entries) => {
      const outcomes = await store.put(entries);
      entries.forEach(({ address }, index) => {
        if (outcomes[index] === "stored") listener.added(address);
      });
      return outcomes;
    },
    get: async (address) => {
      const read = await store.get(address);
      if (read.kind === "damaged") listener.spoilt(address, read.vault);
      // Perhaps it was believed to be here.
      if (read.kind === "absent") listener.removed(address);
      return read;
    },
    remove: async (address, only) => {
      const removed = await store.remove(address, only);
      if (removed) listener.removed(address);
      return removed;
    },
  };
}
