// The decisions of a chunk's put, pure: whom to ask next, whether it counts as stored, whether it is over.
import type { CopiesPolicy } from "../protocol/genesis.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { PutRefusal } from "./errors.ts";

/**
 * asked: on its way · late: still on its way, but another is asked beside it · stored: a valid receipt · resting: failed in
 * a way that may pass, to be asked again after a rest · rested: may be asked again now · failed: not asked again.
 */
export type CopyState = "asked" | "late" | "stored" | "resting" | "rested" | "failed";

/** One holder's part in a put. `reason`: why it failed last. */
export type CopyAttempt = { readonly state: CopyState; readonly tries: number; readonly reason?: PutRefusal["reason"] };

export type PutFacts = {
  readonly policy: CopiesPolicy;
  /** Nodes that may be asked, best first, tried ones among them. */
  readonly candidates: readonly PeerId[];
  readonly attempts: ReadonlyMap<PeerId, CopyAttempt>;
};

/** `ask`: these nodes now. `enough`: at least `min` receipts. `over`: nothing more to wait for. */
export type PutDecision = { readonly ask: readonly PeerId[]; readonly enough: boolean; readonly over: boolean };

/** What to do next. */
export function decidePut({ policy, candidates, attempts }: PutFacts): PutDecision {
  const count = (...states: readonly CopyState[]): number => [...attempts.values()].filter(({ state }) => states.includes(state)).length;
  const stored = count("stored");
  const enough = stored >= policy.min;
  if (stored >= policy.target) return { ask: [], enough, over: true };
  const fresh = candidates.filter((peer) => !attempts.has(peer));
  const again = candidates.filter((peer) => attempts.get(peer)?.state === "rested");
  // A late holder may still store it: all together never pass `max`.
  const room = Math.min(policy.target - stored - count("asked"), policy.max - stored - count("asked", "late"));
  const hope = stored + count("asked", "late", "resting") + fresh.length + again.length;
  // Too few can take it: those on their way are waited for only so that the error counts right.
  if (hope < policy.min) return { ask: [], enough, over: count("asked") === 0 };
  const ask = [...fresh, ...again].slice(0, Math.max(0, room));
  return { ask, enough, over: ask.length === 0 && count("asked", "late", "resting") === 0 };
}

/** Whether a holder that failed for this reason is worth another try. */
export function mayPass(reason: PutRefusal["reason"]): boolean {
  return reason === "busy" || reason === "timeout" || reason === "unreachable";
}

/** The holder after a failed try. */
export function afterFailure(before: CopyAttempt, reason: PutRefusal["reason"], triesMax: number): CopyAttempt {
  const state = mayPass(reason) && before.tries < triesMax ? "resting" : "failed";
  return { state, tries: before.tries, reason };
}
