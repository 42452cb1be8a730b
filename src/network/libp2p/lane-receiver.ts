// The receiving end of a lane: reads the chunks of announced transfers into pooled buffers. Bytes of a transfer that nobody
// expects yet stop the reading: the sender waits, and no memory is spent on it.
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import type { ChunkBuffers } from "./chunk-buffers.ts";
import { chunkHeadBytes, revokedLength } from "./lane-format.ts";

export type LaneReceiver = {
  /** Where the next bytes can be read to without a copy, to be told by `filled`; undefined = anywhere, to be handed to `take`. */
  room(): Uint8Array | undefined;
  /** `length` bytes were read to the start of `room`. */
  filled(length: number): void;
  /** Takes bytes as they arrive; false = stop reading until `onRoom` was called. Throws a RangeError where the format is broken. */
  take(bytes: Uint8Array): boolean;
  expect(transfer: number, lengths: readonly number[]): void;
  /** Gives up on a transfer: its bytes are read and dropped. */
  forget(transfer: number): void;
  /** `stalled`: bytes of an unknown transfer are waiting. */
  state(): "idle" | "busy" | "stalled";
};

export type LaneReceiverOwner = {
  onTransfer(transfer: number, chunks: readonly Uint8Array[], hashes: readonly Address[]): void;
  onRevoked(transfer: number): void;
  onRoom(): void;
};

type Expected = { readonly lengths: readonly number[]; readonly chunks: Uint8Array[]; readonly hashes: Address[]; forgotten: boolean };
type Filling = { readonly transfer: number; readonly expected: Expected; readonly chunk: Uint8Array; offset: number };

// One TLS record: with less room than that a read would be cut in two.
const roomMin = 16 * 1024;
// Far above what one peer may have in work; beyond, the main thread has lost count.
const expectedMax = 16_384;

/** A receiver at the start of a lane. */
export function createLaneReceiver(buffers: ChunkBuffers, owner: LaneReceiverOwner): LaneReceiver {
  const expected = new Map<number, Expected>();
  const head = Buffer.alloc(chunkHeadBytes);
  let headFilled = 0;
  let filling: Filling | undefined;
  let stash: Uint8Array | undefined;

  const finish = (transfer: number, entry: Expected): void => {
    expected.delete(transfer);
    if (!entry.forgotten) owner.onTransfer(transfer, entry.chunks, entry.hashes);
  };
  /** Begins the chunk whose head is complete; false where its transfer is unknown. */
  const begin = (): boolean => {
    const transfer = head.readUInt32BE(0);
    const length = head.readUInt32BE(4);
    const entry = expected.get(transfer);
    if (entry === undefined) return false;
    headFilled = 0;
    if (length === revokedLength) {
      expected.delete(transfer);
      if (!entry.forgotten) owner.onRevoked(transfer);
      return true;
    }
    if (length !== entry.lengths[entry.chunks.length]) throw new RangeError("a chunk of another length than announced");
    filling = { transfer, expected: entry, chunk: new Uint8Array(buffers.take(length), 0, length), offset: 0 };
    if (length === 0) complete(filling);
    return true;
  };
  const complete = ({ transfer, expected: entry, chunk }: Filling): void => {
    filling = undefined;
    entry.chunks.push(chunk);
    entry.hashes.push(chunkAddress(chunk));
    if (entry.chunks.length === entry.lengths.length) finish(transfer, entry);
  };
  const advance = (into: Filling, taken: number): void => {
    into.offset += taken;
    if (into.offset === into.chunk.length) complete(into);
  };
  const fill = (into: Filling, bytes: Uint8Array): number => {
    const taken = Math.min(into.chunk.length - into.offset, bytes.length);
    into.chunk.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), into.offset);
    advance(into, taken);
    return taken;
  };
  const filled = (length: number): void => {
    if (filling !== undefined) advance(filling, length);
  };
  const fillHead = (bytes: Uint8Array): number => {
    const taken = Math.min(chunkHeadBytes - headFilled, bytes.length);
    head.set(bytes.subarray(0, taken), headFilled);
    headFilled += taken;
    return taken;
  };
  const take = (bytes: Uint8Array): boolean => {
    // A socket told to pause may still bring what it had read; its buffer is used again, so keep a copy.
    if (stash !== undefined) {
      stash = concatBytes(stash, bytes);
      return false;
    }
    for (let rest = bytes; ; ) {
      if (headFilled === chunkHeadBytes && !begin()) {
        // Not slice(): of a Buffer that would be the same memory, which the next read overwrites.
        stash = new Uint8Array(rest);
        return false;
      }
      if (rest.length === 0) return true;
      rest = rest.subarray(filling === undefined ? fillHead(rest) : fill(filling, rest));
    }
  };
  const retry = (): void => {
    if (stash === undefined) return;
    const kept = stash;
    stash = undefined;
    if (take(kept)) owner.onRoom();
  };
  const expect = (transfer: number, lengths: readonly number[]): void => {
    if (expected.size >= expectedMax) throw new RangeError("too much announced");
    expected.set(transfer, { lengths, chunks: [], hashes: [], forgotten: false });
    retry();
  };
  const forget = (transfer: number): void => {
    const entry = expected.get(transfer);
    if (entry !== undefined) entry.forgotten = true;
  };
  const state = (): "idle" | "busy" | "stalled" => (stash !== undefined ? "stalled" : expected.size === 0 ? "idle" : "busy");
  return { room: () => roomIn(filling), filled, take, expect, forget, state };
}

function roomIn(filling: Filling | undefined): Uint8Array | undefined {
  if (filling === undefined || filling.chunk.length - filling.offset < roomMin) return undefined;
  return filling.chunk.subarray(filling.offset);
}
