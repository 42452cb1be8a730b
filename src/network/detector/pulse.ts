// The detector without socket, thread and timer: what is sent when, what a datagram means, what stands on the board. The
// worker runs it with real ones; the tests run dozens of them over a network in memory.
import { type Beat, peekSession, type Word, wordsPerDatagramMax } from "../../protocol/heartbeat.ts";
import { type BeatSchedule, createBeatSchedule } from "./beat-schedule.ts";
import { type ClaimBook, createClaimBook, wordEveryMs } from "./claim-book.ts";
import { createExcessBook, type Excess } from "./excess-book.ts";
import { createFalseCauses, type FalseCause } from "./false-causes.ts";
import type { Profile } from "./profiles.ts";
import { open, type Session, type SessionTerms, seal } from "./session.ts";
import { createSessionTable } from "./session-table.ts";
import { createShownHints, type ShownHints } from "./shown-hints.ts";
import type { BoardWriter } from "./suspicion-board.ts";
import { createTakenBack, takenBackEveryMs } from "./taken-back.ts";
import { createWatchBook, type WatchBook } from "./watch-book.ts";
import { createWatchRing } from "./watch-ring.ts";

/** Why a datagram was dropped, or a word in it. */
export const dropReasons = ["length", "format", "session", "forged", "replayed", "flood", "word"] as const;
export type DropReason = (typeof dropReasons)[number];

/** What happened, to be counted. `silentMs`: how long the node had been silent when it was suspected. */
export type PulseEvent =
  | { readonly kind: "suspected"; readonly silentMs: number }
  | { readonly kind: "refuted"; readonly cause: FalseCause }
  | { readonly kind: "self-late" }
  | { readonly kind: "paused" }
  | { readonly kind: "spared"; readonly count: number }
  | { readonly kind: "dropped"; readonly reason: DropReason }
  /** A peer, by its short name, sends more than any honest one. */
  | { readonly kind: "excess"; readonly subject: string; readonly what: Excess };

export type PulseParts = {
  /** The short name of this peer; in the ring only where it is a node. */
  readonly self: string;
  readonly profile: Profile;
  readonly board: BoardWriter;
  /** Milliseconds of the host's monotonic clock. */
  readonly nowMs: () => number;
  readonly send: (bytes: Uint8Array, ip: string, port: number) => void;
  readonly onEvent: (event: PulseEvent) => void;
};

export type RingNode = { readonly subject: string; readonly slot: number };

export type Pulse = {
  setNodes(change: { readonly added: readonly RingNode[]; readonly removed: readonly string[] }): void;
  openSession(terms: SessionTerms): void;
  /** The connection to a peer closed; true where `afterPoll` must look. */
  closeSession(subject: string): boolean;
  /** A datagram was read; true where `afterPoll` must look once all that waits was read. */
  datagram(bytes: Buffer): boolean;
  /** The timer due at `dueMs` has fired: sends; true where `afterPoll` must look again once sockets were read. */
  wake(dueMs: number): boolean;
  afterPoll(): void;
  /** When to wake next. */
  nextWakeMs(): number;
  /** This machine slept: nothing seen before counts. */
  forget(): void;
};

/** A node whose connection closed is listened for this long, milliseconds: most died, and nobody else may know it yet. */
const listenOnMs = 100;
/** A peer whose connection closed is sent to this long, milliseconds: who lives is not to fall silent before it is no longer listened for. */
const sendOnMs = 400;
/** An asker sends under new keys at each sweep for this long, milliseconds: the other keeps to the keys before until one has come, and each may be lost. */
const firstOnMs = 2_000;
/** A watcher says of one node at most this often that it hears it. */
const overruleEveryMs = 50;
/** An own timer this late is a sleep (protocol: 2 s). */
const pauseMs = 2_000;
/** A silence this much short of the window counts as long enough. */
const earlyMs = 0.5;
/** Looks at words that ran out this often. */
const sweepEveryMs = 200;
/** Forged datagrams looked at in each sweep: about a millisecond of tags. Beyond, each session in whose name one comes gets one more look. */
const forgedMax = 500;

/** No nodes, no sessions yet. */
export function createPulse(parts: PulseParts): Pulse {
  return new PulseState(parts);
}

class PulseState implements Pulse {
  readonly #parts: PulseParts;
  readonly #overruledMs = new Map<string, number>();
  readonly #takenBack = createTakenBack();
  /** Peers whose connection closed, and when: still listened for, and a little longer sent to. */
  readonly #closing = new Map<string, number>();
  readonly #sessions = createSessionTable();
  readonly #causes = createFalseCauses();
  readonly #excess = createExcessBook();
  readonly #claims: ClaimBook;
  readonly #book: WatchBook;
  readonly #shown: ShownHints;
  readonly #schedule: BeatSchedule;
  readonly #beat = (session: Session): void => this.#send(session);
  #ring = createWatchRing([]);
  #candidates: readonly string[] = [];
  #lateMs = 0;
  #nextWordsMs = 0;
  #nextSweepMs = 0;
  /** Forged datagrams since the last sweep, and the sessions that they named: what floods one of them does not silence the others. */
  #forged = 0;
  readonly #flooded = new Set<Session>();

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#book = createWatchBook(parts.profile);
    this.#claims = createClaimBook((watcher, subject) => this.#ring.isWatcher(watcher, subject));
    this.#shown = createShownHints(parts.board, this.#book, this.#claims);
    this.#schedule = createBeatSchedule(parts.nowMs(), this.#sessions.of);
  }

  setNodes({ added, removed }: Parameters<Pulse["setNodes"]>[0]): void {
    const { self, nowMs } = this.#parts;
    for (const { subject, slot } of added) this.#shown.add(subject, slot);
    for (const subject of removed) {
      this.#shown.remove(subject, nowMs());
      this.#book.end(subject);
      this.#overruledMs.delete(subject);
    }
    this.#ring = createWatchRing([...this.#shown.nodes()]);
    const watched = new Set(this.#ring.watchedBy(self));
    for (const subject of this.#book.subjects()) if (!watched.has(subject)) this.#book.end(subject);
    for (const subject of watched) if (this.#sessions.of(subject) !== undefined && !this.#closing.has(subject)) this.#book.begin(subject);
    this.#schedule.setWatchers(this.#ring.watchersOf(self), nowMs());
  }

  openSession(terms: SessionTerms): void {
    const nowMs = this.#parts.nowMs();
    const session = this.#sessions.add(terms, nowMs);
    if (this.#closing.delete(terms.subject)) this.#weigh(terms.subject, nowMs);
    this.#schedule.keepTime(nowMs);
    if (this.#ring.watchedBy(this.#parts.self).includes(terms.subject)) this.#book.begin(terms.subject);
    // The other side uses the new keys once it has seen them at work.
    if (terms.initiator) this.#send(session);
  }

  /** A process that dies closes its connections, often before its silence is long enough to tell others: its silence still decides, sooner. */
  closeSession(subject: string): boolean {
    const nowMs = this.#parts.nowMs();
    if (this.#book.isSuspected(subject)) this.#endSession(subject, nowMs);
    else if (this.#sessions.of(subject) !== undefined) {
      this.#closing.set(subject, nowMs);
      this.#book.hint(subject, true);
    }
    return this.#isOverdue(nowMs);
  }

  datagram(bytes: Buffer): boolean {
    const claimed = peekSession(bytes);
    if (typeof claimed !== "number") return this.#drop(claimed);
    const session = this.#sessions.receiving(claimed);
    if (session === undefined) return this.#drop("session");
    if (this.#forged >= forgedMax && this.#flooded.has(session)) return this.#drop("flood");
    const before = session.received;
    const beat = open(session, bytes);
    if (beat === "forged") this.#countForged(session);
    if (typeof beat === "string") return this.#drop(beat);
    this.#sessions.proved(session);
    this.#weighExcess(session.terms.subject, "datagrams");
    if (this.#parts.profile.adaptive) session.intervalMs = Math.max(session.terms.intervalMs, beat.intervalMs);
    this.#signOfLife(session.terms.subject, beat, before);
    if (beat.words === undefined) return false;
    for (const word of beat.words) this.#word(session.terms.subject, word);
    // Another's word may make a silence long enough: the next beat would be too late to say so.
    return this.#isOverdue(this.#parts.nowMs());
  }

  wake(dueMs: number): boolean {
    const nowMs = this.#parts.nowMs();
    this.#lateMs = nowMs - dueMs;
    if (this.#lateMs > pauseMs) this.forget();
    if (this.#closing.size > 0) this.#endClosed(nowMs);
    this.#schedule.due(nowMs, this.#beat);
    if (nowMs >= this.#nextWordsMs) this.#repeatWords(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    return this.#isOverdue(nowMs);
  }

  afterPoll(): void {
    const nowMs = this.#parts.nowMs();
    const { suspected, selfLate, spared } = this.#book.judge(this.#candidates, nowMs + earlyMs, this.#lateMs);
    this.#candidates = [];
    if (selfLate) this.#parts.onEvent({ kind: "self-late" });
    else if (spared.length > 0) this.#parts.onEvent({ kind: "spared", count: spared.length });
    for (const subject of spared) this.#shown.show(subject, nowMs);
    if (suspected.length === 0) return;
    for (const { subject, silentMs } of suspected) {
      this.#shown.show(subject, nowMs);
      this.#causes.suspected(subject, silentMs);
      this.#parts.onEvent({ kind: "suspected", silentMs });
    }
    this.#say(suspected.map(({ subject }): Word => ({ subject, verdict: "silent" })));
    for (const { subject } of suspected) if (this.#closing.has(subject)) this.#endSession(subject, nowMs);
  }

  nextWakeMs(): number {
    return Math.min(this.#nextSweepMs, this.#nextWordsMs, this.#book.deadlineMs(), this.#schedule.nextMs());
  }

  forget(): void {
    const nowMs = this.#parts.nowMs();
    this.#book.forget(nowMs);
    this.#claims.forget();
    this.#causes.forget();
    this.#shown.forget(nowMs);
    this.#parts.onEvent({ kind: "paused" });
  }

  #endSession(subject: string, nowMs: number): void {
    if (this.#book.isSuspected(subject)) this.#shown.orphan(subject, nowMs);
    this.#closing.delete(subject);
    this.#sessions.remove(subject);
    this.#excess.forget(subject);
    this.#book.end(subject);
  }

  #endClosed(nowMs: number): void {
    for (const [subject, closedMs] of this.#closing) {
      if (nowMs - closedMs >= listenOnMs) this.#book.end(subject);
      if (nowMs - closedMs >= sendOnMs) this.#endSession(subject, nowMs);
    }
  }

  #isOverdue(nowMs: number): boolean {
    this.#candidates = this.#book.overdue(nowMs + earlyMs);
    return this.#candidates.length > 0;
  }

  #signOfLife(subject: string, beat: Beat, receivedBefore: number): void {
    const nowMs = this.#parts.nowMs();
    this.#causes.heard(subject, beat, receivedBefore);
    const wasOrphan = this.#shown.adopt(subject);
    const refuted = this.#book.heard(subject, beat, nowMs);
    if (refuted || wasOrphan) {
      if (refuted) this.#parts.onEvent({ kind: "refuted", cause: this.#causes.take(subject) });
      this.#shown.show(subject, nowMs);
      this.#takenBack.add(subject);
      this.#nextWordsMs = Math.min(this.#nextWordsMs, nowMs + takenBackEveryMs);
      this.#say([{ subject, verdict: "heard" }]);
      return;
    }
    const isClaimed = this.#book.watches(subject) && !this.#book.isSuspected(subject) && this.#claims.verdict(subject, nowMs) === "silent";
    if (!isClaimed) return;
    this.#shown.show(subject, nowMs);
    if (nowMs - (this.#overruledMs.get(subject) ?? Number.NEGATIVE_INFINITY) < overruleEveryMs) return;
    this.#overruledMs.set(subject, nowMs);
    this.#say([{ subject, verdict: "heard" }]);
  }

  #word(from: string, word: Word): void {
    const nowMs = this.#parts.nowMs();
    const { subject } = word;
    if (subject === this.#parts.self) return;
    if (!this.#claims.hear(from, word, nowMs)) {
      this.#weighExcess(from, "words");
      return void this.#drop("word");
    }
    this.#weigh(subject, nowMs);
  }

  /** What others say of a node has changed, or run out. */
  #weigh(subject: string, nowMs: number): void {
    this.#book.hint(subject, this.#closing.has(subject) || this.#claims.verdict(subject, nowMs) === "silent");
    this.#shown.show(subject, nowMs);
  }

  #repeatWords(nowMs: number): void {
    const silent = this.#shown.silent();
    const words = silent.map((subject): Word => ({ subject, verdict: "silent" }));
    const heard = this.#takenBack.next().filter((subject) => !silent.includes(subject));
    this.#nextWordsMs = nowMs + (this.#takenBack.isOwed() ? takenBackEveryMs : wordEveryMs);
    this.#say([...words, ...heard.map((subject): Word => ({ subject, verdict: "heard" }))]);
  }

  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + sweepEveryMs;
    this.#forged = 0;
    this.#flooded.clear();
    for (const session of this.#sessions.all()) if (isFirstOwed(session, nowMs)) this.#send(session);
    this.#schedule.sweep(nowMs);
    this.#shown.sweep(nowMs);
    for (const subject of this.#claims.claimed()) this.#weigh(subject, nowMs);
  }

  #say(words: readonly Word[]): void {
    for (let start = 0; start < words.length; start += wordsPerDatagramMax)
      for (const session of this.#sessions.all()) this.#send(session, words.slice(start, start + wordsPerDatagramMax));
  }

  #send(session: Session, words?: readonly Word[]): void {
    const { ip, port } = session.terms;
    if (port > 0) this.#parts.send(seal(session, this.#lateMs, words), ip, port);
  }

  #weighExcess(subject: string, what: Excess): void {
    if (this.#excess.add(subject, what, this.#parts.nowMs())) this.#parts.onEvent({ kind: "excess", subject, what });
  }

  #countForged(session: Session): void {
    this.#forged += 1;
    this.#flooded.add(session);
  }

  #drop(reason: DropReason): false {
    this.#parts.onEvent({ kind: "dropped", reason });
    return false;
  }
}

/** Whether the other may not know yet that new keys are in use. A watcher hears so from the heartbeats that it gets anyway. */
function isFirstOwed({ terms, openedMs, beat }: Session, nowMs: number): boolean {
  return terms.initiator && beat === undefined && nowMs - openedMs < firstOnMs;
}
