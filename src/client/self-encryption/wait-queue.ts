// Those who wait for something to become free: asked again, in the order they came, whenever something did.

export type WaitQueue = {
  /** The first defined answer of `attempt`, now or after a later `wake`. Rejects with the signal's reason once it aborts. */
  waitFor<T>(attempt: () => T | undefined, signal: AbortSignal): Promise<T>;
  /** Asks everybody once more. */
  wake(): void;
};

/** An empty queue. Its length is bounded by its users: one wait each. */
export function createWaitQueue(): WaitQueue {
  const waiters = new Set<() => boolean>();

  function enqueue<T>(attempt: () => T | undefined, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter = (): boolean => {
        const got = attempt();
        if (got === undefined) return false;
        signal.removeEventListener("abort", onAbort);
        resolve(got);
        return true;
      };
      waiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  return {
    waitFor: (attempt, signal) => {
      if (signal.aborted) return Promise.reject(signal.reason);
      const now = attempt();
      return now === undefined ? enqueue(attempt, signal) : Promise.resolve(now);
    },
    wake: () => {
      for (const waiter of waiters) if (waiter()) waiters.delete(waiter);
    },
  };
}
