// The port between control streams and the lanes: chunk bytes that do not travel inside a frame, and whole requests that
// travel on a lane.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Message } from "../peers.ts";
import type { Frame } from "./frame.ts";

/**
 * Chunks on their way out under a number that the frame names. `done` resolves once no byte of them is needed any more, also after
 * `cancel`; it rejects with a LaneError where the lane died first.
 */
export type OutgoingTransfer = { readonly transfer: number; readonly done: Promise<void>; cancel(): void };

/** A transfer that a frame has announced: its sender, number, and the lengths of its chunks. */
export type AnnouncedTransfer = { readonly peer: PeerId; readonly transfer: number; readonly lengths: readonly number[] };

export type ReceivedChunks = { readonly chunks: readonly Uint8Array[]; readonly hashes: readonly Address[]; release(): void };

/** An answer that came on a lane; `received`: the chunks that came right behind it, undefined where they are in the frame, elsewhere, or none. */
export type LaneAnswer = { readonly frame: Frame; readonly received: ReceivedChunks | undefined };

/**
 * A request on its way over a lane. `answer` rejects with a NetworkError that the peer answered or a LaneError where the lane died;
 * `broken` as well, and also later, where chunks of the answer that come by another lane are lost. `end`: nobody waits for it any
 * more; resolves once its chunks are not needed.
 */
export type LaneRequest = { readonly answer: Promise<LaneAnswer>; readonly broken: Promise<never>; end(): Promise<void> };

export type Bulk = {
  /** Whether chunks to and from this peer can go over a lane, as far as is known. */
  reaches(peer: PeerId): boolean;
  send(peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer;
  /** Waits for the chunks of a transfer, opening a lane to the sender where there is none. Rejects with a LaneError, or the signal's reason. */
  receive(announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks>;
  /** Nobody waits for the chunks of a transfer: they are read and dropped, so that what is behind them comes. */
  discard(announced: AnnouncedTransfer): void;
  /** Sends a request on an open lane; undefined where there is none or the peer takes no more of them now. */
  request(peer: PeerId, code: number, message: Message): LaneRequest | undefined;
  /** No lane could be had with this peer: `reaches` says no for a while. */
  avoid(peer: PeerId): void;
};
