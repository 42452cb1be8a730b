// A node's disk in the simulation: the memory store, what rotted on it unseen, and a word before a sound copy is dropped.
import type { Address } from "../../src/protocol/address.ts";
import type { ChunkStore } from "../../src/vault-node/chunk-store/chunk-store.ts";
import { createMemoryChunkStore, type MemoryChunkStore, type MemoryStoreOptions } from "../../src/vault-node/chunk-store/memory.ts";

export type SimDisk = {
  store(): MemoryChunkStore;
  /** The store as a node that starts now is given it. */
  watched(): ChunkStore;
  /** Whether the chunk is synced and sound. */
  keeps(address: Address): boolean;
  rot(address: Address): boolean;
  /** What was not synced is gone. */
  crash(): void;
};

/** `onDrop`: a sound copy is about to be removed. `onRotFound`: reading found a copy rotten, which ends it. */
export type SimDiskOptions = MemoryStoreOptions & { onDrop(address: Address): void; onRotFound(address: Address): void };

/** An empty disk. */
export function createSimDisk(options: SimDiskOptions): SimDisk {
  let store = createMemoryChunkStore(options);
  const rotten = new Set<Address>();
  const keeps = (address: Address): boolean => store.info(address) !== undefined && !rotten.has(address);
  return {
    store: () => store,
    watched: () => {
      const opened = store;
      return {
        ...opened,
        get: async (address) => {
          const held = opened.info(address) !== undefined;
          const read = await opened.get(address);
          if (held && read.kind === "damaged") options.onRotFound(address);
          return read;
        },
        put: async (entries) => {
          const outcomes = await opened.put(entries);
          entries.forEach(({ address }, index) => {
            if (outcomes[index] === "stored") rotten.delete(address);
          });
          return outcomes;
        },
        remove: (address) => {
          if (keeps(address)) options.onDrop(address);
          return opened.remove(address);
        },
      };
    },
    keeps,
    rot: (address) => {
      if (!store.damage(address)) return false;
      rotten.add(address);
      return true;
    },
    crash: () => {
      store = store.crash();
    },
  };
}
