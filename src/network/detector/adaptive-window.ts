// The window of a path whose delays are not known beforehand: from the jitter and the losses seen on it, so that false
// suspicions come at a chosen rate. Pure; after Chen, Toueg, Aguilera, "On the quality of service of failure detectors" (2002):
// expected arrival plus a margin; the margin is the normal quantile of the jitter, as in Hayashibara's phi accrual detector (2004),
// but never below the worst lateness lately seen, since real delays have heavier tails.

/** What has been seen of a path. */
export type PathView = { readonly intervalMs: number; readonly jitterMs: number; readonly worstMs: number; readonly lossRate: number };

export type PathEstimate = {
  /** Takes in that heartbeat `sequence` came at `nowMs`. */
  heard(sequence: number, intervalMs: number, nowMs: number): void;
  /** Words came, out of turn: they took the next number, and say nothing of the pace. */
  passed(sequence: number): void;
  view(): PathView;
};

/** One false suspicion in this many milliseconds and watched peer is aimed at: a day. */
export const falseEveryMs = 86_400_000;
/** Longest window, milliseconds: beyond, a closed connection or a failed request speaks sooner. */
export const windowMaxMs = 10_000;

// Weights of the newest value in the moving averages: about the last 100 heartbeats.
const weight = 0.01;
// The worst lateness fades to half in about 1,000 heartbeats.
const fade = 0.9993;

/** Nothing seen yet. */
export function createPathEstimate(): PathEstimate {
  let last: { sequence: number; nowMs: number } | undefined;
  let intervalMs = 0;
  let meanMs = 0;
  let variance = 0;
  let worstMs = 0;
  let lossRate = 0;
  const heard = (sequence: number, interval: number, nowMs: number): void => {
    intervalMs = interval;
    const before = last;
    last = { sequence, nowMs };
    if (before === undefined || sequence <= before.sequence) return;
    const steps = sequence - before.sequence;
    const deviation = nowMs - before.nowMs - steps * interval;
    for (let lost = 1; lost < Math.min(steps, 100); lost += 1) lossRate += weight * (1 - lossRate);
    lossRate -= weight * lossRate;
    const delta = deviation - meanMs;
    meanMs += weight * delta;
    variance = (1 - weight) * (variance + weight * delta * delta);
    worstMs = Math.max(worstMs * fade, deviation);
  };
  const passed = (sequence: number): void => {
    // Others between were lost, and count with the next heartbeat.
    if (last !== undefined && sequence > last.sequence) last = { ...last, sequence: last.sequence + 1 };
  };
  return { heard, passed, view: () => ({ intervalMs, jitterMs: Math.sqrt(variance), worstMs, lossRate }) };
}

/**
 * The silence after which a peer is suspected, milliseconds: as many heartbeats as may be lost in a row at the chosen rate,
 * one more, and the margin for jitter; within `atLeastMs` and `windowMaxMs`.
 */
export function adaptiveWindowMs({ intervalMs, jitterMs, worstMs, lossRate }: PathView, atLeastMs: number): number {
  if (intervalMs <= 0) return atLeastMs;
  const chance = Math.min(0.01, intervalMs / falseEveryMs);
  const lostInRow = lossRate <= 0 ? 1 : Math.min(20, Math.max(1, Math.ceil(Math.log(chance) / Math.log(Math.min(0.9, lossRate)))));
  const marginMs = Math.max(normalQuantile(chance) * jitterMs, worstMs);
  return Math.min(windowMaxMs, Math.max(atLeastMs, (lostInRow + 1) * intervalMs + marginMs));
}

/** How often to send over a path of this round trip, milliseconds: no finer than the path can tell. */
export function adaptiveIntervalMs(rttMs: number, atLeastMs: number): number {
  return Math.min(1_000, Math.max(atLeastMs, rttMs / 2));
}

/** x with P(X > x) = `chance` for the normal distribution: Abramowitz and Stegun 26.2.23, error below 4.5e-4. */
export function normalQuantile(chance: number): number {
  const t = Math.sqrt(-2 * Math.log(chance));
  return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
}
