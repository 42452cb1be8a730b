// The face of the client library: putting and getting objects and chunks as a customer of the network, and watching it.
// The gateway and the command line are written against these types only.
import type { Address, ObjectAddress } from "../protocol/address.ts";
import type { CopiesPolicy } from "../protocol/genesis.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Standing } from "../protocol/standing.ts";
import type { NodeViewState, VaultState } from "../protocol/states.ts";

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
  /** The same without a copy: a piece may be read until the next one is asked for. For who passes each on before that. */
  lend(range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
};

/** A stored chunk. */
export type StoredChunk = { readonly address: Address; readonly copies: number; readonly sent: boolean };

/** A vault as the middle one of the nodes that publish it sees it; `score` and `conduct`: 0 to 1; null where nobody has seen it yet. */
export type VaultStanding = {
  readonly score: number | null;
  readonly conduct: number | null;
  readonly standing: Standing | null;
  readonly age: number | null;
};

export type VaultView = {
  readonly name: VaultName;
  readonly state: VaultState;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
} & VaultStanding;
export type NodeSummary = {
  readonly peerId: PeerId;
  readonly address: string;
  readonly zone: string;
  readonly state: NodeViewState;
  /** Whether its silence is certain enough to move data: its own goodbye, or two watchers that agree. */
  readonly confirmed: boolean;
  /** The nodes that publish that they have not heard of it for seconds. */
  readonly suspectedBy: readonly PeerId[];
  readonly vaults: readonly VaultView[];
};

/**
 * The copies of the farm's chunks, out of what nodes publish (up to ten seconds old), each chunk counted by one node; as long as
 * they publish nothing, of the chunks that this client put or counted. A chunk without any live holder is known only to who
 * put it or asked for it.
 */
export type CopiesSummary = {
  readonly policy: CopiesPolicy;
  /** Fewest live copies of any chunk; null = none known yet. */
  readonly lowest: number | null;
  readonly belowMin: number;
  readonly belowTarget: number;
  /** Chunks by their live copies; the last: `target` or more. */
  readonly histogram: readonly number[];
  /** How many of the live nodes have counted all their chunks. */
  readonly reporting: { readonly nodes: number; readonly of: number };
  readonly repair: {
    /** Chunks that are being copied again, bytes still to go, and how long that takes. */
    readonly chunks: number;
    readonly bytesLeft: number;
    readonly etaMs: number;
    /** Chunks below target that are copied again unless a silent node returns, and when the first of them are (wall time); null = nobody can tell. */
    readonly waiting: number;
    readonly dueAtMs: number | null;
  };
};

/** The network as the client sees it. */
export type NetworkView = {
  readonly networkId: Address;
  readonly name: string;
  readonly nodes: readonly NodeSummary[];
  readonly copies: CopiesSummary;
};

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
