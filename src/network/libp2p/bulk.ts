// The port between control streams and the lanes: chunk bytes that do not travel inside a frame.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * Chunks on their way out under a number that the frame names. `done` resolves once no byte of them is needed any more, also after
 * `cancel`; it rejects with a LaneError where the lane died first.
 */
export type OutgoingTransfer = { readonly transfer: number; readonly done: Promise<void>; cancel(): void };

/** A transfer that a frame has announced: its sender, number, and the lengths of its chunks. */
export type AnnouncedTransfer = { readonly peer: PeerId; readonly transfer: number; readonly lengths: readonly number[] };

export type ReceivedChunks = { readonly chunks: readonly Uint8Array[]; readonly hashes: readonly Address[]; release(): void };

export type Bulk = {
  /** Whether chunks to and from this peer can go over a lane, as far as is known. */
  reaches(peer: PeerId): boolean;
  send(peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer;
  /** Waits for the chunks of a transfer, opening a lane to the sender where there is none. Rejects with a LaneError, or the signal's reason. */
  receive(announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks>;
  /** No lane could be had with this peer: `reaches` says no for a while. */
  avoid(peer: PeerId): void;
};
