// The detector without socket, thread and timer: what is sent when, what a datagram means, what stands on the board. The
// worker runs it with real ones; the tests run dozens of them over a network in memory.
import { type Beat, peekSession, type Word, wordsPerDatagramMax } from "../../protocol/heartbeat.ts";
import { createClaimBook, wordEveryMs } from "./claim-book.ts";
import { createFalseCauses, type FalseCause } from "./false-causes.ts";
import type { Profile } from "./profiles.ts";
import { open, type Session, type SessionTerms, seal } from "./session.ts";
import { createSessionTable } from "./session-table.ts";
import type { BoardWriter, Hint } from "./suspicion-board.ts";
import { createWatchBook } from "./watch-book.ts";
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
  | { readonly kind: "dropped"; readonly reason: DropReason };

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
  /** The connection to a peer closed. */
  closeSession(subject: string): void;
  datagram(bytes: Buffer): void;
  /** The timer due at `dueMs` has fired: sends; true where `afterPoll` must look again once sockets were read. */
  wake(dueMs: number): boolean;
  afterPoll(): void;
  /** When to wake next. */
  nextWakeMs(): number;
  /** This machine slept: nothing seen before counts. */
  forget(): void;
};

/** Watchers that a changed ring takes from a node go on getting heartbeats for this long: they may not know yet. */
const lingerMs = 10_000;
/** A node whose connection closed after it was suspected is spoken of for this long; then membership knows by itself. */
const orphanMs = 10_000;
/** A watcher says of one node at most this often that it hears it. */
const overruleEveryMs = 50;
/** An own timer this late is a sleep (protocol: 2 s). */
const pauseMs = 2_000;
/** Waking this much early counts as in time. */
const earlyMs = 0.5;
/** Looks at words that ran out this often. */
const sweepEveryMs = 200;
/** Forged datagrams looked at in each sweep: about 5 ms of tags. */
const forgedMax = 500;

/** No nodes, no sessions yet. */
export function createPulse(parts: PulseParts): Pulse {
  return new PulseState(parts);
}

class PulseState implements Pulse {
  readonly #parts: PulseParts;
  readonly #slots = new Map<string, number>();
  readonly #shown = new Map<string, Hint>();
  readonly #orphans = new Map<string, number>();
  readonly #linger = new Map<string, number>();
  readonly #overruledMs = new Map<string, number>();
  readonly #takenBack = new Set<string>();
  readonly #sessions = createSessionTable();
  readonly #causes = createFalseCauses();
  readonly #claims: ReturnType<typeof createClaimBook>;
  readonly #book: ReturnType<typeof createWatchBook>;
  #ring = createWatchRing([]);
  #targets: readonly string[] = [];
  #candidates: readonly string[] = [];
  #lateMs = 0;
  readonly #startMs: number;
  #nextWordsMs = 0;
  #nextSweepMs = 0;
  #forged = 0;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#startMs = parts.nowMs();
    this.#book = createWatchBook(parts.profile);
    this.#claims = createClaimBook((watcher, subject) => this.#ring.isWatcher(watcher, subject));
  }

  setNodes({ added, removed }: Parameters<Pulse["setNodes"]>[0]): void {
    const { self, nowMs } = this.#parts;
    for (const { subject, slot } of added) this.#slots.set(subject, slot);
    for (const subject of removed) this.#slots.delete(subject);
    for (const subject of removed) this.#unwatch(subject);
    this.#ring = createWatchRing([...this.#slots.keys()]);
    const watched = this.#ring.watchedBy(self);
    for (const subject of this.#slots.keys()) {
      if (!watched.includes(subject)) this.#book.end(subject);
      else if (this.#sessions.of(subject) !== undefined) this.#book.begin(subject);
    }
    const targets = this.#ring.watchersOf(self);
    for (const subject of this.#targets) if (!targets.includes(subject)) this.#linger.set(subject, nowMs() + lingerMs);
    for (const subject of targets) this.#linger.delete(subject);
    this.#targets = targets;
    this.#keepTime();
  }

  openSession(terms: SessionTerms): void {
    const nowMs = this.#parts.nowMs();
    const session = this.#sessions.add(terms, nowMs);
    this.#keepTime();
    if (this.#ring.watchedBy(this.#parts.self).includes(terms.subject)) this.#book.begin(terms.subject);
    // The other side uses the new keys once it has seen them at work.
    if (terms.initiator) this.#send(session);
  }

  closeSession(subject: string): void {
    if (this.#book.isSuspected(subject)) this.#orphans.set(subject, this.#parts.nowMs() + orphanMs);
    this.#sessions.remove(subject);
    this.#book.end(subject);
  }

  datagram(bytes: Buffer): void {
    const claimed = peekSession(bytes);
    if (typeof claimed !== "number") return this.#drop(claimed);
    const session = this.#sessions.receiving(claimed);
    if (session === undefined) return this.#drop("session");
    if (this.#forged >= forgedMax) return this.#drop("flood");
    const before = session.received;
    const beat = open(session, bytes);
    if (beat === "forged") this.#forged += 1;
    if (typeof beat === "string") return this.#drop(beat);
    this.#sessions.proved(session);
    if (this.#parts.profile.adaptive) session.intervalMs = Math.max(session.terms.intervalMs, beat.intervalMs);
    this.#signOfLife(session.terms.subject, beat, before);
    for (const word of beat.words ?? []) this.#word(session.terms.subject, word);
  }

  wake(dueMs: number): boolean {
    const nowMs = this.#parts.nowMs();
    this.#lateMs = nowMs - dueMs;
    if (this.#lateMs > pauseMs) this.forget();
    for (const subject of this.#receivers()) {
      const session = this.#sessions.of(subject);
      if (session === undefined || session.nextSendMs > nowMs + earlyMs) continue;
      this.#send(session);
      // In step with the fixed beat; after a stall from now on, since what was missed is of no use.
      session.nextSendMs += session.intervalMs;
      if (session.nextSendMs <= nowMs) session.nextSendMs = nowMs + session.intervalMs;
    }
    if (nowMs >= this.#nextWordsMs) this.#repeatWords(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    this.#candidates = this.#book.overdue(nowMs + earlyMs);
    return this.#candidates.length > 0;
  }

  afterPoll(): void {
    const nowMs = this.#parts.nowMs() + earlyMs;
    const { suspected, selfLate, spared } = this.#book.judge(this.#candidates, nowMs, this.#lateMs);
    this.#candidates = [];
    if (selfLate) this.#parts.onEvent({ kind: "self-late" });
    if (spared > 0) this.#parts.onEvent({ kind: "spared", count: spared });
    if (suspected.length === 0) return;
    for (const { subject, silentMs } of suspected) {
      this.#show(subject);
      this.#causes.suspected(subject, silentMs);
      this.#parts.onEvent({ kind: "suspected", silentMs });
    }
    this.#say(suspected.map(({ subject }): Word => ({ subject, verdict: "silent" })));
  }

  nextWakeMs(): number {
    let soonest = Math.min(this.#nextSweepMs, this.#nextWordsMs, this.#book.deadlineMs());
    for (const subject of this.#receivers())
      soonest = Math.min(soonest, this.#sessions.of(subject)?.nextSendMs ?? Number.POSITIVE_INFINITY);
    return soonest;
  }

  forget(): void {
    const nowMs = this.#parts.nowMs();
    this.#book.forget(nowMs);
    this.#claims.forget();
    this.#orphans.clear();
    this.#causes.forget();
    for (const [subject, hint] of this.#shown) if (hint === "silent" || hint === "told") this.#write(subject, "lapsed", nowMs);
    this.#parts.onEvent({ kind: "paused" });
  }

  /**
   * Watchers get their heartbeats at two beats of each interval in turn: fewer would notice later, since the first of them to
   * miss one tells the others, and more would wake this thread more often. Each node counts from its own start.
   */
  #keepTime(): void {
    const nowMs = this.#parts.nowMs();
    for (const [index, subject] of this.#targets.entries()) {
      const session = this.#sessions.of(subject);
      if (session === undefined || session.beat === index % 2) continue;
      session.beat = index % 2;
      const offsetMs = this.#startMs + (session.beat * session.intervalMs) / 2;
      session.nextSendMs = offsetMs + Math.ceil((nowMs - offsetMs) / session.intervalMs) * session.intervalMs;
    }
  }

  *#receivers(): Iterable<string> {
    yield* this.#targets;
    yield* this.#linger.keys();
  }

  #signOfLife(subject: string, beat: Beat, receivedBefore: number): void {
    const nowMs = this.#parts.nowMs();
    this.#causes.heard(subject, beat, receivedBefore);
    const wasOrphan = this.#orphans.delete(subject);
    const refuted = this.#book.heard(subject, beat, nowMs);
    if (refuted || wasOrphan) {
      if (refuted) this.#parts.onEvent({ kind: "refuted", cause: this.#causes.take(subject) });
      this.#show(subject);
      this.#takenBack.add(subject);
      this.#say([{ subject, verdict: "heard" }]);
      return;
    }
    const isClaimed = this.#book.watches(subject) && !this.#book.isSuspected(subject) && this.#claims.verdict(subject, nowMs) === "silent";
    if (!isClaimed || nowMs - (this.#overruledMs.get(subject) ?? Number.NEGATIVE_INFINITY) < overruleEveryMs) return;
    this.#overruledMs.set(subject, nowMs);
    this.#say([{ subject, verdict: "heard" }]);
  }

  #word(from: string, word: Word): void {
    const nowMs = this.#parts.nowMs();
    const { subject } = word;
    if (subject === this.#parts.self) return;
    if (!this.#claims.hear(from, word, nowMs)) return this.#drop("word");
    this.#book.hint(subject, this.#claims.verdict(subject, nowMs) === "silent");
    this.#show(subject);
  }

  /** Writes what follows for a node from what this side hears itself, or else from what its watchers say. */
  #show(subject: string): void {
    const nowMs = this.#parts.nowMs();
    if (this.#book.isSuspected(subject)) return this.#write(subject, "silent", nowMs);
    if (this.#book.silence(subject, nowMs) !== undefined) return this.#write(subject, "heard", nowMs);
    if (this.#orphans.has(subject)) return;
    const verdict = this.#claims.verdict(subject, nowMs);
    if (verdict === "silent") this.#write(subject, "told", nowMs);
    else if (verdict === "heard") this.#write(subject, "heard", nowMs);
    else if (this.#shown.get(subject) !== "heard") this.#write(subject, "lapsed", nowMs);
  }

  #write(subject: string, hint: Hint, nowMs: number): void {
    const slot = this.#slots.get(subject);
    if (slot === undefined || (this.#shown.get(subject) ?? "heard") === hint) return;
    this.#shown.set(subject, hint);
    this.#parts.board.write(slot, hint, nowMs);
  }

  #unwatch(subject: string): void {
    this.#book.end(subject);
    this.#orphans.delete(subject);
    this.#linger.delete(subject);
    this.#shown.delete(subject);
    this.#overruledMs.delete(subject);
  }

  #repeatWords(nowMs: number): void {
    this.#nextWordsMs = nowMs + wordEveryMs;
    const silent = [...this.#slots.keys()].filter((subject) => this.#book.isSuspected(subject) || this.#orphans.has(subject));
    const words = silent.map((subject): Word => ({ subject, verdict: "silent" }));
    const heard = [...this.#takenBack].filter((subject) => !silent.includes(subject));
    this.#takenBack.clear();
    this.#say([...words, ...heard.map((subject): Word => ({ subject, verdict: "heard" }))]);
  }

  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + sweepEveryMs;
    this.#forged = 0;
    for (const [subject, untilMs] of this.#linger) if (untilMs <= nowMs) this.#linger.delete(subject);
    for (const [subject, untilMs] of this.#orphans) {
      if (untilMs > nowMs) continue;
      this.#orphans.delete(subject);
      this.#show(subject);
    }
    for (const subject of this.#claims.claimed()) {
      this.#book.hint(subject, this.#claims.verdict(subject, nowMs) === "silent");
      this.#show(subject);
    }
  }

  #say(words: readonly Word[]): void {
    for (let start = 0; start < words.length; start += wordsPerDatagramMax)
      for (const session of this.#sessions.all()) this.#send(session, words.slice(start, start + wordsPerDatagramMax));
  }

  #send(session: Session, words?: readonly Word[]): void {
    const { ip, port } = session.terms;
    if (port > 0) this.#parts.send(seal(session, this.#lateMs, words), ip, port);
  }

  #drop(reason: DropReason): void {
    this.#parts.onEvent({ kind: "dropped", reason });
  }
}
