// The port between everything that speaks to peers and the transport below it: requests and answers between PeerIds.
// Two implementations, libp2p/ (real) and in-memory/ (simulated), pass one contract: peers.contract.ts.
import type { Address } from "../protocol/address.ts";
import type { NodeAddress } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";

/** Every kind of request between peers; each has one handler at a node. */
export const requestKinds = [
  "put-chunks",
  "get-chunks",
  "has-chunks",
  "exchange-records",
  "goodbye",
  "suspicions",
  "compare-chunks",
  "audit-chunks",
  "heartbeat-session",
  "owed-chunks",
  "list-chunks",
  "leaver-chunks",
  "certificates",
  "membership-votes",
  "wrong-bytes",
  "stop-witness",
] as const;
export type RequestKind = (typeof requestKinds)[number];

/**
 * A request or answer: an encoded body (at most `messageBodyMax` bytes) and chunk bytes beside it (at most
 * `messageChunkBytesMax` in all). The sender must not change them until the request has settled; chunks over a
 * SharedArrayBuffer are handed to the lane worker without a copy.
 */
export type Message = { readonly body: Uint8Array; readonly chunks: readonly Uint8Array[] };

/** An answer to be sent; `release` is called once its bytes are no longer needed. */
export type Answer = Message & { release?(): void };

/**
 * A message that arrived. `hashes`: the address of each chunk, computed where it was received, so that nobody hashes on
 * the main thread. `release` hands its chunk buffers back for reuse: afterwards `chunks` must not be read. Forgetting it costs only speed.
 */
export type Delivery = Message & { readonly hashes: readonly Address[]; release(): void };

/** Answers one kind of request. A thrown error becomes the code `refused` at the asker, or `busy` where that is its own; its text stays here. */
export type Handler = (from: PeerId, message: Delivery, signal: AbortSignal) => Promise<Answer>;

/** What a peer's connection did. `disconnected` comes at once when a connection closes: enough to route round a dead node. `connected` comes again where a peer dialled anew and nobody here noticed that it had gone. */
export type PeerEvent = { readonly kind: "connected" | "disconnected"; readonly peer: PeerId };

export type RequestOptions = { readonly timeoutMs: number; readonly signal?: AbortSignal };

export type Peers = {
  readonly self: PeerId;
  /** Where this peer listens (real ports after `start`); empty for a peer that only dials. */
  addresses(): readonly NodeAddress[];
  /** Sends a request and waits for the answer; dials first where needed. Rejects with a `NetworkError`. */
  request(peer: PeerId, kind: RequestKind, message: Message, options: RequestOptions): Promise<Delivery>;
  /** Sets the handler of a kind. Once a kind; before `start`. */
  handle(kind: RequestKind, handler: Handler): void;
  /** Remembers where a peer listens; replaces what was known. */
  learn(peer: PeerId, addresses: readonly NodeAddress[]): void;
  /** Dials an address whose PeerId may be unknown and returns who answered. Rejects with a `NetworkError`. */
  dial(address: NodeAddress, options: RequestOptions): Promise<PeerId>;
  /** Closes all connections to a peer. */
  disconnect(peer: PeerId): Promise<void>;
  connected(): readonly PeerId[];
  /** The remote IP of a live connection, as observed; undefined where there is none. */
  remoteIp(peer: PeerId): string | undefined;
  /** Calls `listener` at each connection event until the returned function is called. */
  onEvent(listener: (event: PeerEvent) => void): () => void;
  start(): Promise<void>;
  stop(): Promise<void>;
};
