// The face of self-encryption: a stream in, sealed chunks and an object address out, and the way back.
import type { Address, ObjectAddress } from "../../protocol/address.ts";
import type { OpenObject } from "../farm-client.ts";

/**
 * One chunk to store. `bytes` stay valid until `release`, which must be called once they are no longer needed: the
 * memory of unreleased chunks is what holds the writer back. Views over 64 KiB lie in shared memory.
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
  /** Called for every chunk, several at a time; a rejection ends the encryption with that error. */
  onChunk(chunk: SealedChunk): Promise<void>;
};

/** `chunks`: distinct stored chunks, those of the maps and the root included. */
export type EncryptedObject = { readonly address: ObjectAddress; readonly bytes: number; readonly chunks: number };

/** Bytes of a fetched chunk, left alone by their owner until `release`. */
export type FetchedChunk = { readonly bytes: Uint8Array; release(): void };
export type FetchChunk = (address: Address, signal?: AbortSignal) => Promise<FetchedChunk>;

export type SelfEncryptor = {
  /** Resolves once every `onChunk` has. Rejects with a ClientError (`empty`, `too-large`, `wrong-size`, `aborted`, `stopped`) or the source's or `onChunk`'s own error. */
  encrypt(source: AsyncIterable<Uint8Array>, options: EncryptOptions): Promise<EncryptedObject>;
  /** Reads the root map and those below it. Rejects with a ClientError (`damaged`, `key-needed`, `wrong-key`, `aborted`, `stopped`) or the fetch's own error. */
  open(address: ObjectAddress, fetch: FetchChunk, signal?: AbortSignal): Promise<OpenObject>;
  /** Ends the workers; operations under way reject with `stopped`. */
  stop(): Promise<void>;
};

export type SelfEncryptorOptions = {
  /** Worker threads at most; default 2, or the machine's cores where fewer. */
  readonly workers?: number;
  /** Bytes of chunk buffers; default 32 MiB. */
  readonly memoryMax?: number;
};
