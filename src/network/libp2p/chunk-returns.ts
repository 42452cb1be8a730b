// The way back of received buffers to the lane worker.
import type { ChunkBuffer } from "./chunk-buffers.ts";

// Memory that this side holds without use: as much as one largest message.
const returnsHeldMax = 8 * 1024 * 1024;

export type ChunkReturns = {
  give(buffers: readonly ChunkBuffer[]): void;
  take(): readonly ChunkBuffer[];
};

/** Shared buffers on their way back to the worker, the only ones it uses again: they go with the next transfer that is expected, or with `post` where they become many. */
export function createReturns(post: (buffers: readonly ChunkBuffer[]) => void): ChunkReturns {
  let held: readonly ChunkBuffer[] = [];
  const take = (): readonly ChunkBuffer[] => {
    const taken = held;
    held = [];
    return taken;
  };
  const give = (buffers: readonly ChunkBuffer[]): void => {
    held = [...held, ...buffers.filter((buffer) => !(buffer instanceof ArrayBuffer))];
    if (held.reduce((sum, { byteLength }) => sum + byteLength, 0) > returnsHeldMax) post(take());
  };
  return { give, take };
}
