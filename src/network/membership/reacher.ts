// Tries nodes again and again until they answer: first at once, then with growing, jittered waits, a bounded number at a
// time. With few unreachable nodes each is tried every second or two, so that one that returns shows within 2 s.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { MembershipLimits } from "./membership-limits.ts";

export type ReacherParts = {
  readonly clock: Clock;
  readonly random: Random;
  /** One attempt, after `failingMs` of attempts in vain. Never rejects. */
  readonly attempt: (peer: PeerId, failingMs: number) => Promise<AttemptOutcome>;
};

/** cut: failed, and the connection over which it was made was given up · pointless: it need not be tried any more. */
export type AttemptOutcome = "answered" | "failed" | "cut" | "pointless";

export type Reacher = {
  /** Tries a node now, and until it answers. One already waiting starts over with the shortest wait. */
  reach(peer: PeerId): void;
  /** The node need not be tried any more. */
  settle(peer: PeerId): void;
  stop(): void;
};

type Target = { tries: number; failedMs: number | undefined; timer: Timer | undefined; running: boolean };

/** Tries nobody yet. */
export function createReacher({ clock, random, attempt }: ReacherParts, limits: MembershipLimits): Reacher {
  const targets = new Map<PeerId, Target>();
  let running = 0;
  let stopped = false;

  const longestMs = (): number => limits.redialMaxMs + Math.max(0, targets.size - limits.attemptsMax) * limits.redialPerNodeMs;
  const waitMs = (tries: number): number =>
    Math.min(longestMs(), limits.redialFirstMs * 2 ** Math.min(tries - 1, 16)) * (0.75 + random.fraction() / 2);
  const later = (peer: PeerId, target: Target, delayMs: number): void => {
    target.timer?.cancel();
    target.timer = clock.after(delayMs, () => void tryOnce(peer, target));
  };
  const tryOnce = async (peer: PeerId, target: Target): Promise<void> => {
    if (stopped || target.running || targets.get(peer) !== target) return;
    if (running >= limits.attemptsMax) return later(peer, target, limits.redialFirstMs * random.fraction());
    target.running = true;
    target.tries += 1;
    running += 1;
    const outcome = await attempt(peer, target.failedMs === undefined ? 0 : clock.monotonicMs() - target.failedMs);
    running -= 1;
    target.running = false;
    if (stopped || targets.get(peer) !== target) return;
    if (outcome === "answered" || outcome === "pointless") return void targets.delete(peer);
    target.failedMs = outcome === "cut" ? undefined : (target.failedMs ?? clock.monotonicMs());
    later(peer, target, waitMs(target.tries));
  };
  const reach = (peer: PeerId): void => {
    if (stopped) return;
    const target = targets.get(peer) ?? { tries: 0, failedMs: undefined, timer: undefined, running: false };
    targets.set(peer, target);
    target.tries = 0;
    if (!target.running) later(peer, target, 0);
  };
  const settle = (peer: PeerId): void => {
    targets.get(peer)?.timer?.cancel();
    targets.delete(peer);
  };
  const stop = (): void => {
    stopped = true;
    for (const { timer } of targets.values()) timer?.cancel();
    targets.clear();
  };
  return { reach, settle, stop };
}
