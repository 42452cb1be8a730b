// What one watcher knows of the nodes it watches: when each was heard last, when its silence is too long, and when a
// suspicion is taken back. Pure: every time is handed in, nothing is sent and no timer runs here.
import { adaptiveWindowMs, createPathEstimate, type PathEstimate } from "./adaptive-window.ts";
import type { Profile } from "./profiles.ts";

export type WatchBook = {
  /** Watches a node from its first heartbeat on. */
  begin(subject: string): void;
  end(subject: string): void;
  /** A heartbeat came: true where it takes a suspicion back. */
  heard(subject: string, beat: { readonly sequence: number; readonly intervalMs: number }, nowMs: number): boolean;
  /** Another watcher misses this node: less is needed to agree. */
  hint(subject: string, on: boolean): void;
  /** The next moment at which a silence becomes too long, or infinity. */
  deadlineMs(): number;
  /** Those whose silence is too long now; nothing changes yet, since their heartbeats may wait to be read. */
  overdue(nowMs: number): readonly string[];
  /** Suspects those still overdue; where this side itself woke `lateMs` too late, they get more time instead. */
  judge(candidates: readonly string[], nowMs: number, lateMs: number): Judgement;
  isSuspected(subject: string): boolean;
  watches(subject: string): boolean;
  /** How long ago a node was heard, in its intervals; undefined where it never was. */
  silence(subject: string, nowMs: number): { readonly ms: number; readonly intervals: number } | undefined;
  /** This side stood still: all suspicions fall, everybody gets a new window. Returns those that were suspected. */
  forget(nowMs: number): readonly string[];
};

/** `suspected` with the silence of each, milliseconds; `selfLate`: more than half a window late, so that nothing follows from it; `spared`: late by less, one interval more was given. */
export type Judgement = {
  readonly suspected: readonly { readonly subject: string; readonly silentMs: number }[];
  readonly selfLate: boolean;
  readonly spared: number;
};

type Watched = {
  lastMs: number;
  intervalMs: number;
  graceUntilMs: number;
  suspected: boolean;
  hinted: boolean;
  /** Heartbeats still needed to take the suspicion back. */
  owed: number;
  /** Suspicions lately taken back, fading. */
  flaps: number;
  flappedMs: number;
  readonly path: PathEstimate | undefined;
};

/** Own lateness up to which a silence still speaks against the other, milliseconds (transport figures: 4 ms removed four fifths of the false suspicions). */
const ownLatenessMs = 4;
/** Beyond its interval a heartbeat is on the way or in the kernel for at most about this long on a quiet network, milliseconds. */
const hintedSlackMs = 4;
/** A node that flaps must be heard this many times more for each time it lately did, at most; at 5 ms far below the 100 ms within which it must serve again. */
const owedMax = 8;
/** Bounds of the interval a peer may claim, milliseconds: the shortest of all profiles with room, the longest of `wan`. */
const intervalSaidMin = 2;
const intervalSaidMax = 1_000;
/** Flaps are forgotten by half in this time, milliseconds. */
const flapHalfLifeMs = 5_000;

/** Nobody watched yet. */
export function createWatchBook(profile: Profile): WatchBook {
  const watched = new Map<string, Watched>();
  const deadlineOf = (node: Watched): number => Math.max(node.graceUntilMs, node.lastMs + windowOf(profile, node));

  const begin = (subject: string): void => {
    if (watched.has(subject)) return;
    watched.set(subject, {
      ...{ lastMs: Number.POSITIVE_INFINITY, intervalMs: profile.intervalMs, graceUntilMs: 0, suspected: false, hinted: false },
      ...{ owed: 0, flaps: 0, flappedMs: 0, path: profile.adaptive ? createPathEstimate() : undefined },
    });
  };
  const heard = (subject: string, { sequence, intervalMs }: { sequence: number; intervalMs: number }, nowMs: number): boolean => {
    const node = watched.get(subject);
    if (node === undefined) return false;
    // What a peer says of its pace is bounded: it cannot make itself unwatched, nor its watchers spin.
    node.intervalMs = Math.min(intervalSaidMax, Math.max(intervalSaidMin, intervalMs));
    node.path?.heard(sequence, node.intervalMs, nowMs);
    node.lastMs = nowMs;
    if (!node.suspected) return false;
    node.owed -= 1;
    if (node.owed > 0) return false;
    node.suspected = false;
    node.flaps = fadedFlaps(node, nowMs) + 1;
    node.flappedMs = nowMs;
    return true;
  };
  const deadlineMs = (): number => {
    let soonest = Number.POSITIVE_INFINITY;
    for (const node of watched.values()) if (!node.suspected) soonest = Math.min(soonest, deadlineOf(node));
    return soonest;
  };
  const isOverdue = (node: Watched | undefined, nowMs: number): node is Watched =>
    node !== undefined && !node.suspected && deadlineOf(node) <= nowMs;
  const judge = (candidates: readonly string[], nowMs: number, lateMs: number): Judgement => {
    const nodes = candidates.map((subject) => ({ subject, node: watched.get(subject) })).filter(({ node }) => isOverdue(node, nowMs));
    const late = lateMs > ownLatenessMs;
    const selfLate = lateMs > profile.windowMs / 2;
    const suspected: { subject: string; silentMs: number }[] = [];
    for (const { subject, node } of nodes) {
      if (node === undefined) continue;
      if (late) {
        node.graceUntilMs = nowMs + node.intervalMs;
        continue;
      }
      node.suspected = true;
      node.owed = 1 + Math.min(owedMax - 1, Math.floor(fadedFlaps(node, nowMs)));
      suspected.push({ subject, silentMs: nowMs - node.lastMs });
    }
    return { suspected, selfLate: selfLate && nodes.length > 0, spared: late && !selfLate ? nodes.length : 0 };
  };
  const forget = (nowMs: number): readonly string[] => {
    const fallen: string[] = [];
    for (const [subject, node] of watched) {
      if (node.suspected) fallen.push(subject);
      Object.assign(node, { suspected: false, hinted: false, flaps: 0 });
      if (node.lastMs !== Number.POSITIVE_INFINITY) node.lastMs = nowMs;
    }
    return fallen;
  };
  return {
    begin,
    end: (subject) => void watched.delete(subject),
    heard,
    hint: (subject, on) => {
      const node = watched.get(subject);
      if (node !== undefined) node.hinted = on;
    },
    deadlineMs,
    overdue: (nowMs) => [...watched].filter(([, node]) => isOverdue(node, nowMs)).map(([subject]) => subject),
    judge,
    isSuspected: (subject) => watched.get(subject)?.suspected === true,
    watches: (subject) => watched.has(subject),
    silence: (subject, nowMs) => silenceOf(watched.get(subject), nowMs),
    forget,
  };
}

function windowOf(profile: Profile, node: Watched): number {
  const own = node.path === undefined ? profile.windowMs : adaptiveWindowMs(node.path.view(), profile.windowMs);
  // A peer of a slower profile is not suspected for keeping its own pace.
  const full = Math.max(own, 2 * node.intervalMs + hintedSlackMs);
  return node.hinted && node.path === undefined ? Math.min(full, node.intervalMs + hintedSlackMs) : full;
}

function fadedFlaps({ flaps, flappedMs }: Watched, nowMs: number): number {
  return flaps * 2 ** (-(nowMs - flappedMs) / flapHalfLifeMs);
}

function silenceOf(node: Watched | undefined, nowMs: number): { ms: number; intervals: number } | undefined {
  if (node === undefined || node.lastMs === Number.POSITIVE_INFINITY) return undefined;
  const ms = nowMs - node.lastMs;
  return { ms, intervals: ms / node.intervalMs };
}
