// Buffers for reads, in shared memory so that a worker can send them without a copy, and used over and over: a fresh
// one costs more in page faults than reading. What is not used for a while is let go.
import type { Clock, Timer } from "../../runtime/clock.ts";
import { bufferIdleMs } from "./store-limits.ts";

export type ReadBuffer = { readonly bytes: Uint8Array; release(): void };
export type ReadBuffers = { take(length: number): ReadBuffer; idleBytes(): number; drain(): void };

const smallest = 4096;
const step = 256 * 1024;

/** A pool that keeps at most `keepMax` bytes while they are unused; it never makes anybody wait. */
export function createReadBuffers(keepMax: number, clock: Clock): ReadBuffers {
  const free = new Map<number, SharedArrayBuffer[]>();
  let idle = 0;
  let timer: Timer | undefined;
  const drain = (): void => {
    timer?.cancel();
    timer = undefined;
    free.clear();
    idle = 0;
  };
  const give = (buffer: SharedArrayBuffer): void => {
    if (idle + buffer.byteLength > keepMax) return;
    const list = free.get(buffer.byteLength) ?? [];
    free.set(buffer.byteLength, list);
    list.push(buffer);
    idle += buffer.byteLength;
    timer?.cancel();
    timer = clock.after(bufferIdleMs, drain);
  };
  const take = (length: number): ReadBuffer => {
    const size = bufferSize(length);
    const reused = free.get(size)?.pop();
    if (reused !== undefined) idle -= size;
    const buffer = reused ?? new SharedArrayBuffer(size);
    let released = false;
    return {
      bytes: new Uint8Array(buffer, 0, length),
      release: () => {
        if (!released) give(buffer);
        released = true;
      },
    };
  };
  return { take, idleBytes: () => idle, drain };
}

// Few sizes, so that chunks of about one size share buffers.
function bufferSize(length: number): number {
  if (length > step) return Math.ceil(length / step) * step;
  let size = smallest;
  while (size < length) size *= 4;
  return size;
}
