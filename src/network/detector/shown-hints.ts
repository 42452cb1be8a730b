// What stands on the board of each node: what this side hears itself, or else what the node's watchers say of it.
import type { ClaimBook } from "./claim-book.ts";
import type { BoardWriter, Hint } from "./suspicion-board.ts";
import type { WatchBook } from "./watch-book.ts";

export type ShownHints = {
  add(subject: string, slot: number): void;
  /** What stands of it on the board is said no more: what is said when it is back would be no change. */
  remove(subject: string, nowMs: number): void;
  nodes(): Iterable<string>;
  /** The connection to a suspected node closed: it is spoken of for a while, then membership knows by itself. */
  orphan(subject: string, nowMs: number): void;
  /** A node was heard: whether its connection had closed under suspicion. */
  adopt(subject: string): boolean;
  /** Nodes of which this side says that they are silent. */
  silent(): readonly string[];
  /** Writes what follows for a node now. */
  show(subject: string, nowMs: number): void;
  sweep(nowMs: number): void;
  /** This side stood still: what it saw and heard before counts no more. */
  forget(nowMs: number): void;
};

/** How long an orphan is spoken of. */
const orphanMs = 10_000;

/** No nodes yet. */
export function createShownHints(board: BoardWriter, book: WatchBook, claims: ClaimBook): ShownHints {
  const slots = new Map<string, number>();
  const shown = new Map<string, Hint>();
  const orphans = new Map<string, number>();

  const write = (subject: string, hint: Hint, nowMs: number): void => {
    const slot = slots.get(subject);
    if (slot === undefined || (shown.get(subject) ?? "heard") === hint) return;
    shown.set(subject, hint);
    board.write(slot, hint, nowMs);
  };
  const show = (subject: string, nowMs: number): void => {
    if (book.isSuspected(subject)) return write(subject, "silent", nowMs);
    const verdict = claims.verdict(subject, nowMs);
    // A watcher that was too late itself to judge a silence is told like those who do not watch.
    const isTold = verdict === "silent" && book.isSpared(subject, nowMs);
    if (book.wasHeard(subject) && !isTold) return write(subject, "heard", nowMs);
    if (orphans.has(subject)) return;
    if (verdict === "silent") write(subject, "told", nowMs);
    else if (verdict === "heard") write(subject, "heard", nowMs);
    else if (shown.get(subject) !== "heard") write(subject, "lapsed", nowMs);
  };
  return {
    add: (subject, slot) => void slots.set(subject, slot),
    remove: (subject, nowMs) => {
      if (shown.has(subject)) write(subject, "lapsed", nowMs);
      for (const map of [slots, shown, orphans]) map.delete(subject);
    },
    nodes: () => slots.keys(),
    orphan: (subject, nowMs) => void orphans.set(subject, nowMs + orphanMs),
    adopt: (subject) => orphans.delete(subject),
    silent: () => [...new Set([...book.suspected(), ...orphans.keys()])].filter((subject) => slots.has(subject)),
    show,
    sweep: (nowMs) => {
      for (const [subject, untilMs] of orphans) {
        if (untilMs > nowMs) continue;
        orphans.delete(subject);
        show(subject, nowMs);
      }
    },
    forget: (nowMs) => {
      orphans.clear();
      for (const [subject, hint] of shown) if (hint === "silent" || hint === "told") write(subject, "lapsed", nowMs);
    },
  };
}
