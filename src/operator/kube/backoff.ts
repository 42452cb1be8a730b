// How long to wait before trying again. Pure: attempt and luck in, milliseconds out.
import type { KubeError } from "./errors.ts";
import { retryAfterMaxMs, retryBaseMs, retryMaxMs } from "./limits.ts";

/** Doubled from `minMs` to `maxMs`; `luck` in [0, 1) draws from the upper half, so that many who failed together do not return together. */
export function jitteredBackoffMs(failures: number, range: { readonly minMs: number; readonly maxMs: number }, luck: number): number {
  const step = Math.min(range.maxMs, range.minMs * 2 ** Math.min(failures - 1, 40));
  return step * (0.5 + luck / 2);
}

export type FailedAttempt = {
  readonly error: KubeError;
  /** 1 for the first. */
  readonly attempt: number;
  readonly attemptsMax: number;
  /** Doing it twice is like doing it once. */
  readonly idempotent: boolean;
  /** The server may have seen it. */
  readonly sent: boolean;
};

/** Milliseconds until the same call may be tried again; undefined where it must not, or where waiting is the caller's affair. */
export function retryDelayMs(failed: FailedAttempt, luck: number): number | undefined {
  const { error, attempt } = failed;
  if (attempt >= failed.attemptsMax || !mayRetry(failed)) return undefined;
  const asked = error.retryAfterMs ?? 0;
  if (asked > retryAfterMaxMs) return undefined;
  return Math.max(asked * (1 + luck / 10), jitteredBackoffMs(attempt, { minMs: retryBaseMs, maxMs: retryMaxMs }, luck));
}

function mayRetry({ error, idempotent, sent }: FailedAttempt): boolean {
  switch (error.code) {
    case "too-many-requests":
      return true;
    case "server":
      // With Retry-After the server says that it has not begun.
      return idempotent || error.retryAfterMs !== undefined;
    case "unreachable":
      return idempotent || !sent;
    case "timeout":
      return idempotent;
    default:
      return false;
  }
}
