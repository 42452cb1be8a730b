// The chunk buffers of one self-encryptor, in shared memory and used again and again. An operation leases a share that
// it always gets (so that operations never wait for each other half-way) and takes more while the memory limit allows.

import { type Clock, systemClock } from "../../runtime/clock.ts";
import { ClientError } from "../errors.ts";
import { createLeaseRelief, type LeaseClient, type Want } from "./lease-relief.ts";
import { createWaitQueue, type WaitQueue } from "./wait-queue.ts";

export type BufferLease = {
  /** Bytes of each buffer. */
  readonly length: number;
  /** A buffer, once one is free for this lease. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<Uint8Array>;
  /** A buffer if one is free now. */
  tryTake(): Uint8Array | undefined;
  /** Gives a buffer of this lease back. */
  give(buffer: Uint8Array): void;
  /** Ends the lease once its last buffer is back. */
  end(): void;
};

export type BufferPool = {
  /**
   * A lease of `share` buffers of at least `length` bytes. Waits while all shares together would pass the hard limit; meanwhile
   * clients that are behind have to leave, and after `patienceMs` it rejects with a ClientError `busy`.
   */
  lease(length: number, share: number, signal: AbortSignal, terms?: LeaseTerms): Promise<BufferLease>;
  /** Bytes of buffers in somebody's hands. */
  usedBytes(): number;
  /** Forgets the buffers nobody uses. */
  trim(): void;
};

export type LeaseTerms = {
  /** How long the lease is waited for, milliseconds; absent: for ever. */
  readonly patienceMs?: number | undefined;
  /** For whom it is, where that may be a slow client. */
  readonly client?: LeaseClient | undefined;
};

/** Shares alone may pass the memory limit this many times, before a new operation waits for another to end. */
const shareFactor = 4;
/** A free buffer serves a request for no less than this share of its length. */
const fitShare = 0.5;
const granularity = 4096;

/** How long an operation that has not begun waits for its buffers: as long as a person waits, milliseconds. */
export const leasePatienceMs = 15_000;

/** A pool that keeps at most about `memoryMax` bytes, shares of many operations at once excepted. */
export function createBufferPool(memoryMax: number, clock: Clock = systemClock): BufferPool {
  let reserved = 0;
  let used = 0;
  let free: Uint8Array[] = [];
  const queue = createWaitQueue();
  const relief = createLeaseRelief({ bytesMax: memoryMax * shareFactor, reserved: () => reserved }, clock);

  const freeBytes = (): number => free.reduce((sum, buffer) => sum + buffer.length, 0);
  function obtain(length: number): Uint8Array {
    const at = free.findIndex((buffer) => buffer.length >= length && length >= buffer.length * fitShare);
    const found = at < 0 ? undefined : free.splice(at, 1)[0];
    while (found === undefined && free.length > 0 && used + freeBytes() + length > memoryMax) free.shift();
    const buffer = found ?? new Uint8Array(new SharedArrayBuffer(length));
    used += buffer.length;
    return buffer;
  }

  function openLease(length: number, share: number, client: LeaseClient | undefined): BufferLease {
    let held = 0;
    let ended = false;
    const leave = client === undefined ? undefined : relief.hold(share * length, client);
    const tryTake = (): Uint8Array | undefined => {
      if (held >= share && reserved + length > memoryMax) return undefined;
      if (held >= share) reserved += length;
      held += 1;
      return obtain(length);
    };
    const settle = (): void => {
      if (ended && held === 0) {
        reserved -= share * length;
        leave?.();
      }
      queue.wake();
    };
    return {
      length,
      tryTake,
      take: (signal) => queue.waitFor(tryTake, signal),
      give: (buffer) => {
        held -= 1;
        used -= buffer.length;
        if (held >= share) reserved -= length;
        free.push(buffer);
        settle();
      },
      end: () => {
        if (ended) return;
        ended = true;
        settle();
      },
    };
  }

  return {
    lease: async (wanted, share, signal, { patienceMs, client } = {}) => {
      const length = Math.ceil(wanted / granularity) * granularity;
      const reserve = (want?: Want): BufferLease | undefined => {
        if (reserved > 0 && share * length > relief.roomFor(want)) return undefined;
        reserved += share * length;
        want?.served();
        return openLease(length, share, client);
      };
      signal.throwIfAborted();
      const atOnce = reserve();
      if (atOnce !== undefined) return atOnce;
      const want = relief.want(share * length);
      try {
        return await waitPatiently(queue, () => reserve(want), { signal, patienceMs, clock });
      } catch (error) {
        // What was put aside for this one is for the next.
        want.givenUp();
        queue.wake();
        throw error;
      }
    },
    usedBytes: () => used,
    trim: () => {
      free = [];
    },
  };
}

type Patience = { readonly signal: AbortSignal; readonly patienceMs: number | undefined; readonly clock: Clock };

/** Waits in `queue`, and after `patienceMs` rejects with a ClientError `busy`. */
async function waitPatiently<T>(queue: WaitQueue, attempt: () => T | undefined, { signal, patienceMs, clock }: Patience): Promise<T> {
  if (patienceMs === undefined) return queue.waitFor(attempt, signal);
  const patience = new AbortController();
  const over = (): void => patience.abort(new ClientError("busy", "too much is encrypted and read at once here; try again soon"));
  const timer = clock.after(patienceMs, over);
  try {
    return await queue.waitFor(attempt, AbortSignal.any([signal, patience.signal]));
  } finally {
    timer.cancel();
  }
}

/** The same face without a limit and in ordinary memory, for operations so small that counting would cost more. */
export function unpooledLease(length: number): BufferLease {
  const make = (): Uint8Array => new Uint8Array(length);
  return { length, take: () => Promise.resolve(make()), tryTake: make, give: () => undefined, end: () => undefined };
}
