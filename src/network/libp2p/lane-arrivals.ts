// What arrives on a lane, head by head: the chunks of transfers that were announced, by a frame elsewhere or by a note on
// the lane itself, and the notes. Each head begins a buffer that the lane's bytes fill.
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { ChunkBuffers } from "./chunk-buffers.ts";
import { noteBytesMax, noteTransfer, revokedLength } from "./lane-format.ts";

/** A transfer as a frame announces it. */
export type Announced = { readonly transfer: number; readonly lengths: readonly number[] };

/** `note`: the frame without its length that announced the transfer on the lane; undefined where it was announced elsewhere. */
export type Arrived = {
  readonly transfer: number;
  readonly note: Uint8Array | undefined;
  readonly chunks: readonly Uint8Array[];
  readonly hashes: readonly Address[];
};

export type ArrivalsOwner = {
  onTransfer(arrived: Arrived): void;
  onRevoked(revoked: Pick<Arrived, "transfer" | "note">): void;
  /** A note is complete. The transfer that follows it, undefined for none. Throws where it may not be. */
  onNote(note: Uint8Array): Announced | undefined;
};

/** Bytes to be filled; `complete` is called once they are. */
export type Filling = { readonly into: Uint8Array; offset: number; complete(): void };

export type Arrivals = {
  /** What the head begins; "whole" where nothing follows it, "unknown" where its transfer is not announced yet. Throws a RangeError where the format is broken. */
  begin(transfer: number, length: number): Filling | "whole" | "unknown";
  expect(announced: Announced): void;
  /** Gives up on a transfer: its bytes are read and dropped. */
  forget(transfer: number): void;
  expected(): number;
};

type Expected = {
  readonly lengths: readonly number[];
  readonly note: Uint8Array | undefined;
  readonly chunks: Uint8Array[];
  readonly hashes: Address[];
  forgotten: boolean;
};

// Far above what one peer may have in work; beyond, the main thread has lost count.
const expectedMax = 16_384;

/** Nothing has arrived yet. `bulk`: whether chunks belong here, or notes alone. */
export function createArrivals(buffers: ChunkBuffers, owner: ArrivalsOwner, bulk: boolean): Arrivals {
  const expected = new Map<number, Expected>();
  const add = ({ transfer, lengths }: Announced, note: Uint8Array | undefined): void => {
    if (expected.size >= expectedMax) throw new RangeError("too much announced");
    expected.set(transfer, { lengths, note, chunks: [], hashes: [], forgotten: false });
  };
  const beginNote = (length: number): Filling => {
    if (length === 0 || length > noteBytesMax) throw new RangeError("a note of a length outside the limits");
    const note = new Uint8Array(length);
    const complete = (): void => {
      const follows = owner.onNote(note);
      if (follows === undefined) return;
      if (follows.lengths.length === 0 || expected.has(follows.transfer)) throw new RangeError("a note of a transfer that cannot follow");
      add(follows, note);
    };
    return { into: note, offset: 0, complete };
  };
  const completed = (transfer: number, entry: Expected, chunk: Uint8Array): void => {
    entry.chunks.push(chunk);
    entry.hashes.push(chunkAddress(chunk));
    if (entry.chunks.length < entry.lengths.length) return;
    expected.delete(transfer);
    if (!entry.forgotten) owner.onTransfer({ transfer, note: entry.note, chunks: entry.chunks, hashes: entry.hashes });
  };
  const begin = (transfer: number, length: number): Filling | "whole" | "unknown" => {
    if (transfer === noteTransfer) return beginNote(length);
    if (!bulk) throw new RangeError("chunks on a lane that only sends");
    const entry = expected.get(transfer);
    if (entry === undefined) return "unknown";
    if (length === revokedLength) {
      expected.delete(transfer);
      if (!entry.forgotten) owner.onRevoked({ transfer, note: entry.note });
      return "whole";
    }
    if (length !== entry.lengths[entry.chunks.length]) throw new RangeError("a chunk of another length than announced");
    const chunk = new Uint8Array(buffers.take(length), 0, length);
    if (length > 0) return { into: chunk, offset: 0, complete: () => completed(transfer, entry, chunk) };
    completed(transfer, entry, chunk);
    return "whole";
  };
  const forget = (transfer: number): void => {
    const entry = expected.get(transfer);
    if (entry !== undefined) entry.forgotten = true;
  };
  return { begin, expect: (announced) => add(announced, undefined), forget, expected: () => expected.size };
}
