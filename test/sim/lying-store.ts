// The store of a vault that lies: it acknowledges what it is given and claims to have it, but keeps no bytes, and serves
// others in their place. The node around it is the real one, so its signatures and messages are those of an honest node.
import type { ChunkInfo, ChunkStore, PutOutcome } from "../../src/vault-node/chunk-store/chunk-store.ts";

/** A store that claims everything ever put into `store`, which stays empty. */
export function lie(store: ChunkStore): ChunkStore {
  const claimed = new Map<string, ChunkInfo>();
  return {
    ...store,
    put: async (entries) =>
      entries.map(({ address, vault, bytes }): PutOutcome => {
        if (claimed.has(address)) return "held";
        claimed.set(address, { vault, size: bytes.length, storedAtMs: 0 });
        return "stored";
      }),
    get: async (address) => {
      const info = claimed.get(address);
      if (info === undefined) return { kind: "absent" };
      return { kind: "found", bytes: new Uint8Array(info.size).fill(0x2a), vault: info.vault, release: () => {} };
    },
    info: (address) => claimed.get(address),
    remove: async (address) => claimed.delete(address),
    addresses: function* (vault) {
      for (const [address, info] of claimed) if (vault === undefined || info.vault === vault) yield address as never;
    },
  };
}
