// Time, handed in: everything waits on the monotonic clock; wall time is only for what people and records carry.

/** A timer that can be taken back. */
export type Timer = { cancel(): void };

export type Clock = {
  /** Milliseconds since some fixed instant; never steps back. All waiting is measured with it. */
  monotonicMs(): number;
  /** Milliseconds since 1970, as the machine believes. May step. */
  wallMs(): number;
  /** Calls `action` once after `delayMs`. Does not keep the process alive by itself. */
  after(delayMs: number, action: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason once it aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
};

/** The machine's clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, delayMs);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};

// `performance.now` is the same clock, counted from the beginning of this thread, and unlike `hrtime.bigint` makes no garbage.
const beganMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/**
 * Milliseconds of the host's monotonic clock: the same instant gives the same number in every thread and process of one
 * host (Linux CLOCK_MONOTONIC), unlike `monotonicMs`, which begins with each thread.
 */
export function hostMonotonicMs(): number {
  return beganMs + performance.now();
}
