// Who broke the protocol how often: repeated offence blocks a peer for a while.
import type { Clock } from "../../runtime/clock.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type Offences = {
  /** Counts one offence; whether the peer is blocked from now on. */
  add(peer: string): boolean;
  blocked(peer: string): boolean;
};

// Identities are free to make, so the register itself must stay small.
const peersMax = 10_000;

/** An empty register. */
export function createOffences(clock: Clock, limits: TransportLimits): Offences {
  const counts = new Map<string, { count: number; blockedUntilMs: number }>();
  const blocked = (peer: string): boolean => (counts.get(peer)?.blockedUntilMs ?? 0) > clock.monotonicMs();
  const add = (peer: string): boolean => {
    if (counts.size >= peersMax) counts.clear();
    const entry = counts.get(peer) ?? { count: 0, blockedUntilMs: 0 };
    entry.count += 1;
    if (entry.count >= limits.offencesMax) Object.assign(entry, { count: 0, blockedUntilMs: clock.monotonicMs() + limits.blockMs });
    counts.set(peer, entry);
    return blocked(peer);
  };
  return { add, blocked };
}
