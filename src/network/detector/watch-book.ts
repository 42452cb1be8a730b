// What one watcher knows of the nodes it watches: when each was heard last, when its silence is too long, and when a
// suspicion is taken back. Pure: every time is handed in, nothing is sent and no timer runs here.
import type { Beat } from "../../protocol/heartbeat.ts";
import { adaptiveWindowMs, createPathEstimate, type PathEstimate } from "./adaptive-window.ts";
import type { Profile } from "./profiles.ts";

/** Any datagram of a node: a heartbeat, or words out of turn. */
export type Sign = Pick<Beat, "sequence" | "intervalMs" | "words">;

export type WatchBook = {
  /** Watches a node from its first heartbeat on. */
  begin(subject: string): void;
  end(subject: string): void;
  /** A heartbeat or words came: true where it takes a suspicion back. */
  heard(subject: string, beat: Sign, nowMs: number): boolean;
  /** Another watcher misses this node: less is needed to agree. */
  hint(subject: string, on: boolean): void;
  /** The next moment at which a silence becomes too long, or infinity. */
  deadlineMs(): number;
  /** Those whose silence is too long now; nothing changes yet, since their heartbeats may wait to be read. */
  overdue(nowMs: number): readonly string[];
  /** Suspects those still overdue; where this side itself woke `lateMs` too late, they get a third of a window more instead. */
  judge(candidates: readonly string[], nowMs: number, lateMs: number): Judgement;
  isSuspected(subject: string): boolean;
  /** Whether its silence is too long, but was excused by own lateness: this side cannot judge it now. */
  isSpared(subject: string, nowMs: number): boolean;
  watches(subject: string): boolean;
  /** Whether a watched node was ever heard. */
  wasHeard(subject: string): boolean;
  /** All that are watched. */
  subjects(): readonly string[];
  suspected(): readonly string[];
  /** This side stood still: all suspicions fall, everybody gets a new window. Returns those that were suspected. */
  forget(nowMs: number): readonly string[];
};

/** `suspected` with the silence of each, milliseconds; `selfLate`: this side was more than half a window late, so that nothing follows from it; `spared`: those that were given a third of a window more. */
export type Judgement = {
  readonly suspected: readonly { readonly subject: string; readonly silentMs: number }[];
  readonly selfLate: boolean;
  readonly spared: readonly string[];
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
/** A peer that sends more rarely than this side's profile is given two of its intervals and this much, milliseconds. */
const paceSlackMs = 2;
/** This part of the window is given where own lateness excuses a silence: a node that lives sends as soon as it runs again. */
const sparedPart = 1 / 3;
/** A node that flaps must be heard once more for each time it lately did: so often at most, and for so long, milliseconds, since it must serve again within 100. */
const owedMax = 8;
const owedMaxMs = 64;
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
  const heard = (subject: string, { sequence, intervalMs, words }: Sign, nowMs: number): boolean => {
    const node = watched.get(subject);
    if (node === undefined) return false;
    // What a peer says of its pace is bounded: it cannot make itself unwatched, nor its watchers spin.
    node.intervalMs = Math.min(intervalSaidMax, Math.max(intervalSaidMin, intervalMs));
    if (words === undefined) node.path?.heard(sequence, node.intervalMs, nowMs);
    else node.path?.passed(sequence);
    node.lastMs = nowMs;
    node.graceUntilMs = 0;
    return node.suspected && paysBack(node, nowMs);
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
    const spared: string[] = [];
    for (const { subject, node } of nodes) {
      if (node === undefined) continue;
      if (late) {
        node.graceUntilMs = nowMs + sparedPart * windowOf(profile, node);
        spared.push(subject);
        continue;
      }
      suspect(node, nowMs);
      suspected.push({ subject, silentMs: nowMs - node.lastMs });
    }
    return { suspected, selfLate: selfLate && nodes.length > 0, spared };
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
    overdue: (nowMs) => {
      const late: string[] = [];
      for (const [subject, node] of watched) if (isOverdue(node, nowMs)) late.push(subject);
      return late;
    },
    judge,
    isSuspected: (subject) => watched.get(subject)?.suspected === true,
    isSpared: (subject, nowMs) => (watched.get(subject)?.graceUntilMs ?? 0) > nowMs,
    watches: (subject) => watched.has(subject),
    wasHeard: (subject) => Number.isFinite(watched.get(subject)?.lastMs),
    subjects: () => [...watched.keys()],
    suspected: () => [...watched.keys()].filter((subject) => watched.get(subject)?.suspected),
    forget: (nowMs) => {
      const fallen = [...watched].flatMap(([subject, { suspected }]) => (suspected ? [subject] : []));
      for (const node of watched.values()) forgive(node, nowMs);
      return fallen;
    },
  };
}

function suspect(node: Watched, nowMs: number): void {
  node.suspected = true;
  node.owed = Math.min(owedMax, Math.max(1, Math.floor(owedMaxMs / node.intervalMs)), 1 + Math.floor(fadedFlaps(node, nowMs)));
}

/** One of the heartbeats that a suspected node owes has come: whether it was the last. */
function paysBack(node: Watched, nowMs: number): boolean {
  node.owed -= 1;
  if (node.owed > 0) return false;
  node.suspected = false;
  node.flaps = fadedFlaps(node, nowMs) + 1;
  node.flappedMs = nowMs;
  return true;
}

function forgive(node: Watched, nowMs: number): void {
  Object.assign(node, { suspected: false, hinted: false, flaps: 0 });
  if (node.lastMs !== Number.POSITIVE_INFINITY) node.lastMs = nowMs;
}

function windowOf(profile: Profile, node: Watched): number {
  const own = node.path === undefined ? profile.windowMs : adaptiveWindowMs(node.path.view(), profile.windowMs);
  // A peer of a slower profile is not suspected for keeping its own pace.
  const full = Math.max(own, 2 * node.intervalMs + paceSlackMs);
  return node.hinted && node.path === undefined ? Math.min(full, node.intervalMs + hintedSlackMs) : full;
}

function fadedFlaps({ flaps, flappedMs }: Watched, nowMs: number): number {
  return flaps * 2 ** (-(nowMs - flappedMs) / flapHalfLifeMs);
}
