// What goes in and out of self-encryption: sealed chunks with their memory, options, and how chunks are fetched back.
import type { Address, ObjectAddress } from "../../protocol/address.ts";

/**
 * One chunk to store. `bytes` stay valid until `release`, which whoever is given the chunk calls once they are no longer needed,
 * after a failure too: the memory of unreleased chunks is what holds the writer back, and what is released is written over. Views over 64 KiB lie in shared memory.
 */
export type SealedChunk = {
  readonly address: Address;
  readonly bytes: Uint8Array;
  /** Plain bytes this chunk covers; 0 for maps. */
  readonly plainBytes: number;
  release(): void;
};

export type EncryptOptions = {
  /** Bytes of the source, exactly. */
  readonly size: number;
  /** Keep the root map readable: the address has 64 digits and anybody who holds the root can read the object. */
  readonly public?: boolean;
  /** fast (default): stored or low quality; dense: quality 6. Equal content gives equal addresses within one mode. */
  readonly mode?: "fast" | "dense";
  /** Convergence secret of the owner, 32 bytes: no deduplication with strangers, no confirmation of a guessed file. */
  readonly secret?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Called for every chunk, several at a time; a rejection ends the encryption with that error, and the chunk is released all the same. */
  onChunk(chunk: SealedChunk): Promise<void>;
};

/** `chunks`: distinct stored chunks, those of the maps and the root included. */
export type EncryptedObject = { readonly address: ObjectAddress; readonly bytes: number; readonly chunks: number };

/** Bytes of a fetched chunk, left alone by their owner until `release`. */
export type FetchedChunk = { readonly bytes: Uint8Array; release(): void };
export type FetchChunk = (address: Address, signal?: AbortSignal) => Promise<FetchedChunk>;
