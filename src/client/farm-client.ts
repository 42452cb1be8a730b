// The face of the client library: putting and getting objects and chunks as a customer of the network, and watching it.
// The gateway and the command line are written against these types only.
import type { Address, ObjectAddress } from "../protocol/address.ts";
import type { NetworkView } from "../protocol/network-view.ts";
import type { ClientError } from "./errors.ts";

export type { CopiesSummary, NetworkView, NodeSummary, VaultStanding, VaultView } from "../protocol/network-view.ts";

/** How far a put is. `phase` moves on as each figure reaches its end; bytes count plaintext. */
export type PutProgress = {
  readonly phase: "encrypting" | "storing" | "done";
  readonly bytes: number;
  readonly bytesTotal: number | undefined;
  readonly chunksConfirmed: number;
  readonly chunks: number;
};

export type PutObjectOptions = {
  /** Size of the source in bytes where known; otherwise the source is spooled to disk first, since the format needs it. */
  readonly size?: number;
  /** Keep the root map readable: anybody who runs a vault can read the object. */
  readonly public?: boolean;
  /** Largest source, bytes. */
  readonly sizeMax?: number;
  readonly onProgress?: (progress: PutProgress) => void;
  /** Called with the plain bytes of chunks that went on their way to vaults so far, or lie there: those stay, whatever becomes of the put. */
  readonly onPlaced?: (bytes: number) => void;
  readonly signal?: AbortSignal;
};

/** A stored object. `copies`: fewest and most receipts any of its chunks has; `sent`: what really had to travel. */
export type StoredObject = {
  readonly address: ObjectAddress;
  readonly bytes: number;
  readonly chunks: number;
  readonly copies: { readonly min: number; readonly max: number };
  readonly sent: { readonly chunks: number; readonly bytes: number };
};

/** A part of an object: first byte and one past the last. */
export type ByteRange = { readonly start: number; readonly end: number };

/** An object whose root map was read; its bytes are fetched, verified and decrypted as they are asked for. */
export type OpenObject = {
  readonly bytes: number;
  readonly chunks: number;
  /** The bytes; each piece is the caller's own. */
  read(range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * The same without a copy: a piece may be read until the next one is asked for. For who passes each on before that.
   * `tooSlow` is called where others wait for the memory and pieces are kept too long: then the piece that is out is to be
   * given back at once by ending the iteration. Without it the read is never ended for that.
   */
  lend(range?: ByteRange, signal?: AbortSignal, tooSlow?: (why: ClientError) => void): AsyncIterable<Uint8Array>;
};

/** A stored chunk. */
export type StoredChunk = { readonly address: Address; readonly copies: number; readonly sent: boolean };

export type FarmClient = {
  /** Stores a stream, each piece of which is read before the next is asked for. Resolves once every chunk has receipts of at least `min` distinct nodes; rejects with a `ClientError`. */
  putObject(source: AsyncIterable<Uint8Array>, options?: PutObjectOptions): Promise<StoredObject>;
  /** Reads the root map. Rejects with a `ClientError` (`not-found`, `damaged`, `key-needed`, …). */
  openObject(address: ObjectAddress, signal?: AbortSignal): Promise<OpenObject>;
  /** Stores one chunk as it is; its address must be H of its bytes. */
  putChunk(address: Address, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredChunk>;
  /** The verified bytes of a chunk. */
  getChunk(address: Address, signal?: AbortSignal): Promise<Uint8Array>;
  /** Size of a chunk and how many of its closest holders have it; undefined where none has. */
  headChunk(address: Address, signal?: AbortSignal): Promise<{ readonly size: number; readonly copies: number } | undefined>;
  network(): NetworkView;
  /** Calls `listener` after each change of the network view until the returned function is called. */
  onNetworkChange(listener: () => void): () => void;
  /** Whether the network answers: at least `copies.min` live nodes. */
  ready(): boolean;
  stop(): Promise<void>;
};
