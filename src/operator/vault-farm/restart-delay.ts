// When a member that ended unasked is started again: as a kubelet does it, so that a local farm feels like a cluster.

const second = 1000;
/** First delay after a second failure in a row; doubled for each further one (Kubernetes: 10 s). */
const firstDelayMs = 10 * second;
/** Longest delay (Kubernetes: 5 minutes). */
const longestDelayMs = 300 * second;

/** A member that ran this long has forgotten its failures (Kubernetes: 10 minutes). */
export const failuresForgottenMs: number = 600 * second;

/** Milliseconds between the end of a member and its next start after `failures` ends in a row; the first restart is at once. */
export function restartDelayMs(failures: number): number {
  if (failures <= 1) return 0;
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 2, 16));
}
