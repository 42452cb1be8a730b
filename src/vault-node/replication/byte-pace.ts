// A bound on bytes a second: whoever sends asks first how long to wait.
import type { Clock } from "../../runtime/clock.ts";

export type BytePace = {
  /** Resolves once `bytes` may be sent; rejects where the signal aborts. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
};

/** At most `bytesPerSecond` in the long run; what was not used within a second is lost. */
export function createBytePace(clock: Clock, bytesPerSecond: number): BytePace {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return {
    take: async (bytes, signal) => {
      const nowMs = clock.monotonicMs();
      const startMs = Math.max(freeAtMs, nowMs - 1000);
      freeAtMs = startMs + (bytes / bytesPerSecond) * 1000;
      if (startMs > nowMs) await clock.sleep(startMs - nowMs, signal);
    },
  };
}
