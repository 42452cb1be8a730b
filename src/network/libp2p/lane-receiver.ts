// The reading end of a lane: cuts its bytes into heads and what they begin, straight into pooled buffers. Bytes of a
// transfer that nobody expects yet stop the reading: the sender waits, and no memory is spent on it.
import { concatBytes } from "../../protocol/bytes.ts";
import type { ChunkBuffers } from "./chunk-buffers.ts";
import { type ArrivalsOwner, createArrivals, type Filling } from "./lane-arrivals.ts";
import { chunkHeadBytes } from "./lane-format.ts";

export type LaneReceiver = {
  /** Where the next bytes can be read to without a copy, to be told by `filled`; undefined = anywhere, to be handed to `take`. */
  room(): Uint8Array | undefined;
  /** `length` bytes were read to the start of `room`. */
  filled(length: number): void;
  /** Takes bytes as they arrive; false = stop reading until `onRoom` was called. Throws where the format is broken. */
  take(bytes: Uint8Array): boolean;
  expect(transfer: number, lengths: readonly number[]): void;
  /** Gives up on a transfer: its bytes are read and dropped. */
  forget(transfer: number): void;
  /** `stalled`: bytes of an unknown transfer are waiting. */
  state(): "idle" | "busy" | "stalled";
};

/** `onRoom` and what arrives; `bulk`: whether chunks belong here, or notes alone. */
export type LaneReceiverOwner = ArrivalsOwner & { readonly bulk: boolean; onRoom(): void };

// One TLS record: with less room than that a read would be cut in two.
const roomMin = 16 * 1024;

/** A receiver at the start of a lane. */
export function createLaneReceiver(buffers: ChunkBuffers, owner: LaneReceiverOwner): LaneReceiver {
  const arrivals = createArrivals(buffers, owner, owner.bulk);
  const head = Buffer.alloc(chunkHeadBytes);
  let headFilled = 0;
  let filling: Filling | undefined;
  let stash: Uint8Array | undefined;

  /** Begins what the complete head says; false where that is unknown. */
  const begin = (): boolean => {
    const begun = arrivals.begin(head.readUInt32BE(0), head.readUInt32BE(4));
    if (begun === "unknown") return false;
    headFilled = 0;
    filling = begun === "whole" ? undefined : begun;
    return true;
  };
  const advance = (into: Filling, taken: number): void => {
    into.offset += taken;
    if (into.offset < into.into.length) return;
    filling = undefined;
    into.complete();
  };
  const fill = (into: Filling, bytes: Uint8Array): number => {
    const taken = Math.min(into.into.length - into.offset, bytes.length);
    into.into.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), into.offset);
    advance(into, taken);
    return taken;
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
  const expect = (transfer: number, lengths: readonly number[]): void => {
    arrivals.expect({ transfer, lengths });
    const kept = stash;
    stash = undefined;
    if (kept !== undefined && take(kept)) owner.onRoom();
  };
  return {
    ...{ take, expect, forget: arrivals.forget },
    room: () => roomIn(filling),
    filled: (length) => filling !== undefined && advance(filling, length),
    state: () => (stash !== undefined ? "stalled" : arrivals.expected() === 0 ? "idle" : "busy"),
  };
}

function roomIn(filling: Filling | undefined): Uint8Array | undefined {
  if (filling === undefined || filling.into.length - filling.offset < roomMin) return undefined;
  return filling.into.subarray(filling.offset);
}
