// Proves that the store in memory keeps the contract of chunk stores, a crash standing for the end of its process.
import { systemClock } from "../../runtime/clock.ts";
import { chunkStoreContract } from "./chunk-store.contract.ts";
import { createMemoryChunkStore } from "./memory.ts";

chunkStoreContract("in memory", async (vaults) => {
  let store = createMemoryChunkStore({ vaults, clock: systemClock });
  return {
    store: () => store,
    reopen: async () => {
      store = store.crash();
    },
    damage: async (address) => void store.damage(address),
    end: () => store.close(),
  };
});
