// The lost-acknowledgement bug, put back on purpose: a store that says "stored" before the bytes are synced, as one does
// that trusts the operating system's cache. Everything else is the store it wraps.
import type { MemoryChunkStore } from "../../src/vault-node/chunk-store/memory.ts";

/** `store`, but acknowledging new chunks at once; their sync goes on behind. */
export function acknowledgeEarly(store: MemoryChunkStore): MemoryChunkStore {
  return {
    ...store,
    put: async (entries) => {
      store.put(entries).catch(() => {});
      return entries.map(({ address }) => (store.info(address) === undefined ? "stored" : "held"));
    },
    crash: () => acknowledgeEarly(store.crash()),
  };
}
