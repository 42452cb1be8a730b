// The port of the chunk store: one store a node, its capacity divided among the node's vaults. Two implementations,
// disk.ts and memory.ts, pass one contract: chunk-store.contract.ts.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";

/** A chunk to be kept for one of the node's vaults. The bytes were checked against the address by the caller. */
export type PutEntry = { readonly vault: VaultName; readonly address: Address; readonly bytes: Uint8Array };

/** `stored` and `held` (there before) are durable when returned; `full` and `read-only` changed nothing. */
export type PutOutcome = "stored" | "held" | "full" | "read-only";

export type ChunkInfo = { readonly vault: VaultName; readonly size: number; readonly storedAtMs: number };

/** Chunk bytes as stored, or why there are none. `damaged`: the entry's checksum failed; it is never served. `release` hands the buffer back. */
export type ReadOutcome =
  | { readonly kind: "found"; readonly bytes: Uint8Array; readonly vault: VaultName; release(): void }
  | { readonly kind: "absent" }
  | { readonly kind: "damaged"; readonly vault: VaultName };

/** Bytes by vault, overhead (headers, index) included in `used`; `used` never passes `capacity`. */
export type VaultUsage = {
  readonly vault: VaultName;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
  readonly full: boolean;
};

/** One disk figure with its parts, reconciled with statfs: bytes. */
export type DiskUsage = {
  readonly live: number;
  readonly dead: number;
  readonly overhead: number;
  readonly free: number;
  readonly total: number;
};

export type StoreHealth = { readonly mode: "writable" } | { readonly mode: "read-only"; readonly why: string };

export type ChunkStore = {
  /** Keeps all entries with one group commit; the outcomes stand in the order of the entries. Resolves only once data and index are on disk. */
  put(entries: readonly PutEntry[]): Promise<readonly PutOutcome[]>;
  get(address: Address): Promise<ReadOutcome>;
  info(address: Address): ChunkInfo | undefined;
  /** Drops a chunk; durable when resolved. False where it was not held. `only`: spares one that was put anew since it was found damaged. */
  remove(address: Address, only?: "damaged"): Promise<boolean>;
  /** All addresses held, of one vault or of all, in no particular order. */
  addresses(vault?: VaultName): Iterable<Address>;
  vaults(): readonly VaultUsage[];
  disk(): Promise<DiskUsage>;
  health(): StoreHealth;
  /** Calls `listener` when the health or fullness of a vault changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
};
