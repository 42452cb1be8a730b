// The standing of peers: what they sent that no honest peer sends, and, after too much of it, a while without them. Also
// the rate at which each may push, so that gossip cannot flood.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { MembershipLimits } from "./membership-limits.ts";

export type Standing = {
  /** Counts an offence; true where the peer is blocked from now on. */
  offend(peer: PeerId, nowMs: number): boolean;
  isBlocked(peer: PeerId, nowMs: number): boolean;
  /** Whether a peer may push this many bytes now; they count where it may. */
  mayPush(peer: PeerId, bytes: number, nowMs: number): boolean;
  /** Whether a peer may send one more message about suspicions now; it counts where it may. */
  maySuspect(peer: PeerId, nowMs: number): boolean;
};

type Mark = {
  offences: number;
  lastMs: number;
  blockedUntilMs: number;
  allowance: number;
  filledMs: number;
  suspicions: number;
  suspicionsFilledMs: number;
};

// Peers remembered; the one heard longest ago is forgotten first.
const peersMax = 1024;

/** Everybody begins in good standing. All times on the monotonic clock. */
export function createStanding(limits: MembershipLimits): Standing {
  const marks = new Map<PeerId, Mark>();
  const markOf = (peer: PeerId, nowMs: number): Mark => {
    const fresh = {
      ...{ offences: 0, lastMs: nowMs, blockedUntilMs: 0, allowance: limits.pushBurstBytes, filledMs: nowMs },
      ...{ suspicions: limits.suspicionBurst, suspicionsFilledMs: nowMs },
    };
    const mark = marks.get(peer) ?? fresh;
    marks.delete(peer);
    marks.set(peer, mark);
    const oldest = marks.keys().next().value;
    if (marks.size > peersMax && oldest !== undefined) marks.delete(oldest);
    return mark;
  };
  const offend = (peer: PeerId, nowMs: number): boolean => {
    const mark = markOf(peer, nowMs);
    // Offences older than a block are forgiven.
    mark.offences = nowMs - mark.lastMs > limits.blockMs ? 1 : mark.offences + 1;
    mark.lastMs = nowMs;
    if (mark.offences < limits.offencesMax) return false;
    mark.offences = 0;
    mark.blockedUntilMs = nowMs + limits.blockMs;
    return true;
  };
  const mayPush = (peer: PeerId, bytes: number, nowMs: number): boolean => {
    const mark = markOf(peer, nowMs);
    const gained = ((nowMs - mark.filledMs) / 1000) * limits.pushBytesPerSecond;
    mark.allowance = Math.min(limits.pushBurstBytes, mark.allowance + gained);
    mark.filledMs = nowMs;
    if (bytes > mark.allowance) return false;
    mark.allowance -= bytes;
    return true;
  };
  const maySuspect = (peer: PeerId, nowMs: number): boolean => {
    const mark = markOf(peer, nowMs);
    const gained = ((nowMs - mark.suspicionsFilledMs) / 1000) * limits.suspicionsPerSecond;
    mark.suspicions = Math.min(limits.suspicionBurst, mark.suspicions + gained);
    mark.suspicionsFilledMs = nowMs;
    if (mark.suspicions < 1) return false;
    mark.suspicions -= 1;
    return true;
  };
  return { maySuspect, offend, isBlocked: (peer, nowMs) => (marks.get(peer)?.blockedUntilMs ?? 0) > nowMs, mayPush };
}
