// Where records and goodbyes of others come in: judged, counted by reason, passed on where they are new, and the
// sender's standing lowered where no honest peer would have sent them.
import type { NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { createRecentVerdicts } from "./recent-verdicts.ts";
import type { BookRefusal } from "./record-book.ts";
import type { GoodbyeVerdict, Offered, Roster } from "./roster.ts";
import type { Standing } from "./standing.ts";

/** What came in since the start, by kind; `offences` counts what lowered a standing. */
export type IntakeCounts = {
  readonly taken: number;
  readonly stale: number;
  readonly refused: Readonly<Record<BookRefusal, number>>;
  readonly overRate: number;
  /** New nodes for which there was no room. */
  readonly crowded: number;
  readonly goodbyes: number;
  readonly offences: number;
};

export type IntakeParts = {
  readonly roster: Roster;
  readonly standing: Standing;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFresh: (record: NodeRecord, from: PeerId) => void;
  readonly onOwn: (record: NodeRecord) => void;
  readonly onFreshGoodbye: (bytes: Uint8Array, from: PeerId) => void;
  /** A blocked peer's connections are to be closed. */
  readonly onBlocked: (peer: PeerId) => void;
};

export type Intake = {
  record(bytes: Uint8Array, from: PeerId): Offered;
  goodbye(bytes: Uint8Array, from: PeerId): GoodbyeVerdict;
  /** Whether a push of this many bytes from a peer may be looked at; too much of what may not is an offence. */
  admits(from: PeerId, bytes: number): boolean;
  /** Whether one more question about records may be answered; too many are an offence. */
  admitsQuestion(from: PeerId): boolean;
  /** Whether one more message about suspicions from a peer may be looked at; too many are an offence of the sender alone. */
  admitsSuspicions(from: PeerId): boolean;
  isBlocked(from: PeerId): boolean;
  offend(from: PeerId, why: string): void;
  counts(): IntakeCounts;
};

// Clocks differ and directories fill up among honest peers; everything else is made by hand.
const honest: ReadonlySet<BookRefusal> = new Set<BookRefusal>(["future", "full"]);

// A wrong clock sends many records: one warning a minute says enough.
const clockWarningEveryMs = 60_000;

// Nodes turned away that are remembered, and peers that named them.
const turnedAwayMax = 4096;
const turnedAwayPerOffence = 256;

export function createIntake(parts: IntakeParts): Intake {
  const { roster, standing, clock, log } = parts;
  const refused: Record<BookRefusal, number> = {
    "too-large": 0,
    malformed: 0,
    "other-network": 0,
    "bad-signature": 0,
    future: 0,
    full: 0,
  };
  const totals = { taken: 0, stale: 0, overRate: 0, crowded: 0, goodbyes: 0, offences: 0 };

  const offend = (from: PeerId, why: string): void => {
    totals.offences += 1;
    log.debug("a peer sent what no honest peer sends", { peer: from, why });
    if (!standing.offend(from, clock.monotonicMs())) return;
    log.warn("a peer is ignored for a while after repeated offences", { peer: from });
    parts.onBlocked(from);
  };
  let warnedMs = Number.NEGATIVE_INFINITY;
  const warnOfClock = (why: string): void => {
    if (clock.monotonicMs() - warnedMs < clockWarningEveryMs) return;
    warnedMs = clock.monotonicMs();
    log.warn("a node record is signed in the future: a clock is wrong", { why });
  };
  // An honest peer passes on a few made-up nodes that it took for real; who makes them up names one after another.
  const turnedAway = createRecentVerdicts<true>(turnedAwayMax);
  const named = createRecentVerdicts<number>(turnedAwayMax);
  const turnAway = (peer: PeerId, from: PeerId): void => {
    totals.crowded += 1;
    if (turnedAway.get(peer) !== undefined) return;
    turnedAway.set(peer, true);
    const count = (named.get(from) ?? 0) + 1;
    named.set(from, count);
    if (count % turnedAwayPerOffence === 0) offend(from, `told of ${count} nodes for which there is no room`);
  };
  const record = (bytes: Uint8Array, from: PeerId): Offered => {
    const offered = roster.offer(bytes, from);
    if (offered.kind === "fresh") {
      totals.taken += 1;
      parts.onFresh(offered.record, from);
    } else if (offered.kind === "own") parts.onOwn(offered.record);
    else if (offered.kind === "stale") totals.stale += 1;
    else if (offered.kind === "crowded") turnAway(offered.peer, from);
    else if (offered.kind === "refused") {
      refused[offered.reason] += 1;
      if (offered.reason === "future") warnOfClock(offered.why);
      if (!honest.has(offered.reason)) offend(from, offered.why);
    }
    return offered;
  };
  const goodbye = (bytes: Uint8Array, from: PeerId): GoodbyeVerdict => {
    const verdict = roster.hear(bytes, from);
    if (verdict.kind === "fresh") {
      totals.goodbyes += 1;
      parts.onFreshGoodbye(bytes, from);
    } else if (verdict.kind === "refused") offend(from, verdict.why);
    return verdict;
  };
  const countOver = (): void => {
    totals.overRate += 1;
  };
  const door = createDoor(parts, countOver, offend);
  return {
    record,
    goodbye,
    ...door,
    isBlocked: (from) => standing.isBlocked(from, clock.monotonicMs()),
    offend,
    counts: () => ({ ...totals, refused: { ...refused } }),
  };
}

type Door = Pick<Intake, "admits" | "admitsQuestion" | "admitsSuspicions">;

/** The rates at which peers may push, ask and suspect; who goes on beyond them offends. */
function createDoor({ standing, clock }: IntakeParts, onOver: () => void, offend: Intake["offend"]): Door {
  const admits = (from: PeerId, bytes: number): boolean => {
    if (standing.isBlocked(from, clock.monotonicMs())) return false;
    if (standing.mayPush(from, bytes, clock.monotonicMs())) return true;
    onOver();
    if (!standing.mayIgnore(from, bytes, clock.monotonicMs())) offend(from, "more records than a large network makes");
    return false;
  };
  const admitsQuestion = (from: PeerId): boolean => {
    if (standing.mayAsk(from, clock.monotonicMs())) return true;
    onOver();
    offend(from, "more questions about records than reconciling takes");
    return false;
  };
  const admitsSuspicions = (from: PeerId): boolean => {
    if (standing.maySuspect(from, clock.monotonicMs())) return true;
    onOver();
    offend(from, "more suspicions than a dying farm makes");
    return false;
  };
  return { admits, admitsQuestion, admitsSuspicions };
}
