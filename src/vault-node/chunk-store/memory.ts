// The chunk store in memory: the same outcomes as the one on disk, for simulations and tests. What a group has not
// "synced" yet is lost in a `crash`; the sync takes time on the clock handed in.
import type { Address } from "../../protocol/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChunkStore, StoreHealth } from "./chunk-store.ts";
import { ChunkStoreError, mustFit } from "./chunk-store-error.ts";
import { createShelf, type Shelf } from "./memory-shelf.ts";
import type { DeclaredVault } from "./vault-accounts.ts";

export type MemoryStoreOptions = {
  readonly vaults: readonly DeclaredVault[];
  readonly clock: Clock;
  /** How long a sync takes, milliseconds; 0 = at once. */
  readonly syncMs?: number;
  /** Size of the pretended disk, bytes; absent = as large as the vaults and a tenth. */
  readonly diskBytes?: number;
};

export type MemoryChunkStore = ChunkStore & {
  /** Ends this store as a power cut would: nothing waiting is answered but with an error. What the next start finds is returned. */
  crash(): MemoryChunkStore;
  /** Makes the pretended disk fail, or work again. */
  setHealth(health: StoreHealth): void;
  /** Changes one byte of a stored chunk, as a rotten disk would; false where it is not held. */
  damage(address: Address): boolean;
};

/** An empty store in memory. */
export function createMemoryChunkStore(options: MemoryStoreOptions): MemoryChunkStore {
  const { vaults, diskBytes } = options;
  const declared = vaults.reduce((total, { capacity }) => total + capacity, 0);
  return openMemory(options, createShelf(vaults, diskBytes ?? declared * 1.1));
}

function openMemory(options: MemoryStoreOptions, shelf: Shelf): MemoryChunkStore {
  const { clock, syncMs = 0 } = options;
  const listeners = new Set<() => void>();
  let health: StoreHealth = { mode: "writable" };
  let ended: "closed" | "crashed" | undefined;
  // Groups follow one another as on a disk.
  let lastGroup: Promise<void> = Promise.resolve();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const mustBeOpen = (): void => {
    if (ended !== undefined) throw new ChunkStoreError("closed", `the chunk store has ${ended === "closed" ? "been closed" : "crashed"}`);
  };
  const commit = <T>(apply: () => T): Promise<T> => {
    const done = lastGroup.then(async () => {
      mustBeOpen();
      if (syncMs > 0) await clock.sleep(syncMs);
      // A crash during the sync loses the group.
      if (ended === "crashed") mustBeOpen();
      const before = shelf.fullVaults();
      const result = apply();
      if (shelf.fullVaults() !== before) tell();
      return result;
    });
    lastGroup = done.then(nothing, nothing);
    return done;
  };
  return {
    put: async (entries) => {
      mustBeOpen();
      mustFit(entries);
      const copies = entries.map((entry) => ({ ...entry, bytes: new Uint8Array(entry.bytes) }));
      return commit(() => copies.map((entry) => shelf.put(entry, clock.wallMs(), health)));
    },
    get: async (address) => {
      mustBeOpen();
      return shelf.read(address);
    },
    info: (address) => shelf.info(address),
    remove: async (address, only) => {
      mustBeOpen();
      return commit(() => shelf.remove(address, health, only));
    },
    addresses: (vault) => shelf.addresses(vault),
    vaults: () => shelf.usages(),
    disk: async () => shelf.disk(),
    health: () => health,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      await lastGroup;
      ended ??= "closed";
      listeners.clear();
    },
    crash: () => {
      ended = "crashed";
      listeners.clear();
      return openMemory(options, shelf.copy());
    },
    setHealth: (next) => {
      health = next;
      tell();
    },
    damage: (address) => shelf.damage(address),
  };
}

function nothing(): void {}
