// How fast each node answers, from its own answers: who is asked first, and when an answer is late enough to ask another.
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";

/** Small answers and bulk ones are estimated apart: their times differ by a hundred. */
export type PaceClass = "small" | "bulk";

/** Milliseconds: a moving mean of the answers, and of their distance from it. */
export type Estimate = { readonly meanMs: number; readonly deviationMs: number };

// Weights of RFC 6298 (TCP's round-trip estimate), known to follow quickly without jumping at every outlier.
const meanWeight = 1 / 8;
const deviationWeight = 1 / 4;

/** The estimate after one more answer. Pure. */
export function nextEstimate(before: Estimate | undefined, sampleMs: number): Estimate {
  if (before === undefined) return { meanMs: sampleMs, deviationMs: sampleMs / 2 };
  const distance = Math.abs(sampleMs - before.meanMs);
  return {
    meanMs: before.meanMs + (sampleMs - before.meanMs) * meanWeight,
    deviationMs: before.deviationMs + (distance - before.deviationMs) * deviationWeight,
  };
}

/** When about 95 of 100 answers are there: for times spread like a normal one, 1.65 deviations = 2.06 mean distances above the mean. Pure. */
export function lateAfterMs(estimate: Estimate | undefined, bounds: { readonly min: number; readonly max: number }): number {
  if (estimate === undefined) return bounds.max;
  return Math.min(bounds.max, Math.max(bounds.min, estimate.meanMs + 2.06 * estimate.deviationMs));
}

export type PeerPaces = {
  /** A request begins; call the result once, with whether it was answered. */
  begin(peer: PeerId, kind: PaceClass): (answered: boolean) => void;
  /** This node sent what is no chunk, or another one: it is asked last for a while. */
  mistrust(peer: PeerId): void;
  /** What asking this node now would cost, for comparing: expected milliseconds times what it has to do for us already. */
  cost(peer: PeerId, kind: PaceClass): number;
  estimate(peer: PeerId, kind: PaceClass): Estimate | undefined;
};

type Pace = { inFlight: number; mistrustedUntilMs: number; readonly estimates: Map<PaceClass, Estimate> };

// A liar answers fast. Behind every honest node of a close group, however slow, but still asked where nobody else is left.
const mistrustFactor = 1000;
const mistrustMs = 300_000;
// As many as a directory holds; far more than anybody asks.
const peersMax = 10_000;
// A node never asked is worth a try beside good ones, but not beside those that answer at once.
const unknownMs = { small: 5, bulk: 50 };

/** No answers yet. */
export function createPeerPaces(clock: Clock): PeerPaces {
  const paces = new Map<PeerId, Pace>();
  const paceOf = (peer: PeerId): Pace => {
    const known = paces.get(peer);
    if (known !== undefined) return known;
    if (paces.size >= peersMax) for (const [old, { inFlight }] of paces) if (inFlight === 0) paces.delete(old);
    const pace: Pace = { inFlight: 0, mistrustedUntilMs: 0, estimates: new Map() };
    paces.set(peer, pace);
    return pace;
  };
  const begin = (peer: PeerId, kind: PaceClass): ((answered: boolean) => void) => {
    const pace = paceOf(peer);
    const startMs = clock.monotonicMs();
    pace.inFlight += 1;
    return (answered) => {
      pace.inFlight -= 1;
      if (answered) pace.estimates.set(kind, nextEstimate(pace.estimates.get(kind), clock.monotonicMs() - startMs));
    };
  };
  const cost = (peer: PeerId, kind: PaceClass): number => {
    const pace = paces.get(peer);
    const mistrust = pace !== undefined && pace.mistrustedUntilMs > clock.monotonicMs() ? mistrustFactor : 1;
    return (pace?.estimates.get(kind)?.meanMs ?? unknownMs[kind]) * (1 + (pace?.inFlight ?? 0)) * mistrust;
  };
  const mistrust = (peer: PeerId): void => {
    paceOf(peer).mistrustedUntilMs = clock.monotonicMs() + mistrustMs;
  };
  return { begin, mistrust, cost, estimate: (peer, kind) => paces.get(peer)?.estimates.get(kind) };
}
