// The standing of peers: what they sent that no honest peer sends, and, after too much of it, a while without them. Also
// the rates at which each may push, ask and suspect, so that nobody can flood.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { MembershipLimits } from "./membership-limits.ts";

export type Standing = {
  /** Counts an offence; true where the peer is blocked from now on. */
  offend(peer: PeerId, nowMs: number): boolean;
  isBlocked(peer: PeerId, nowMs: number): boolean;
  /** Whether a peer may push this many bytes now; they count where it may. */
  mayPush(peer: PeerId, bytes: number, nowMs: number): boolean;
  /** Whether bytes pushed beyond the rate may be put down to a large network; they count where they may. */
  mayIgnore(peer: PeerId, bytes: number, nowMs: number): boolean;
  /** Whether a peer may ask one more question about records now; it counts where it may. */
  mayAsk(peer: PeerId, nowMs: number): boolean;
  /** Whether a peer may send one more message about suspicions now; it counts where it may. */
  maySuspect(peer: PeerId, nowMs: number): boolean;
};

type Allowance = { left: number; filledMs: number };
type Mark = {
  offences: number;
  lastMs: number;
  blockedUntilMs: number;
  readonly pushed: Allowance;
  readonly ignored: Allowance;
  readonly questions: Allowance;
  readonly suspicions: Allowance;
};

// Peers remembered; the one heard longest ago is forgotten first.
const peersMax = 1024;

/** Everybody begins in good standing. All times on the monotonic clock. */
export function createStanding(limits: MembershipLimits): Standing {
  const marks = new Map<PeerId, Mark>();
  const markOf = (peer: PeerId, nowMs: number): Mark => {
    const full = (left: number): Allowance => ({ left, filledMs: nowMs });
    const mark = marks.get(peer) ?? {
      ...{ offences: 0, lastMs: nowMs, blockedUntilMs: 0 },
      ...{ pushed: full(limits.pushBurstBytes), ignored: full(limits.ignoredBurstBytes) },
      ...{ questions: full(limits.questionBurst), suspicions: full(limits.suspicionBurst) },
    };
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
  return {
    offend,
    isBlocked: (peer, nowMs) => (marks.get(peer)?.blockedUntilMs ?? 0) > nowMs,
    mayPush: (peer, bytes, nowMs) =>
      take(markOf(peer, nowMs).pushed, bytes, nowMs, { burst: limits.pushBurstBytes, perSecond: limits.pushBytesPerSecond }),
    mayIgnore: (peer, bytes, nowMs) =>
      take(markOf(peer, nowMs).ignored, bytes, nowMs, { burst: limits.ignoredBurstBytes, perSecond: limits.ignoredBytesPerSecond }),
    mayAsk: (peer, nowMs) =>
      take(markOf(peer, nowMs).questions, 1, nowMs, { burst: limits.questionBurst, perSecond: limits.questionsPerSecond }),
    maySuspect: (peer, nowMs) =>
      take(markOf(peer, nowMs).suspicions, 1, nowMs, { burst: limits.suspicionBurst, perSecond: limits.suspicionsPerSecond }),
  };
}

/** Fills an allowance up for the time that passed, and takes from it where there is enough. */
function take(allowance: Allowance, wanted: number, nowMs: number, rate: { readonly burst: number; readonly perSecond: number }): boolean {
  allowance.left = Math.min(rate.burst, allowance.left + ((nowMs - allowance.filledMs) / 1000) * rate.perSecond);
  allowance.filledMs = nowMs;
  if (wanted > allowance.left) return false;
  allowance.left -= wanted;
  return true;
}
