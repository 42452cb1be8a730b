// To which peers heartbeats go, and when: to this node's watchers at two beats of each interval, and for a while to those
// that were its watchers until the ring changed. Time is handed in; nothing is sent and no timer runs here.
import type { Session } from "./session.ts";

export type BeatSchedule = {
  /** Who watches this node now, in the order of the ring. */
  setWatchers(subjects: readonly string[], nowMs: number): void;
  /** Brings sessions that are new, or got another watcher, into step. */
  keepTime(nowMs: number): void;
  /** Hands over each session to which a heartbeat is due. */
  due(nowMs: number, send: (session: Session) => void): void;
  /** When the next heartbeat is due, or infinity. */
  nextMs(): number;
  /** Former watchers whose time is over get no more. */
  sweep(nowMs: number): void;
};

/** Watchers that a changed ring takes from a node go on getting heartbeats for this long: they may not know yet. */
const lingerMs = 10_000;
/** Sending this much early counts as in time: timers of Node come early too, and waking again costs more. */
const earlyMs = 0.5;
/**
 * Watchers get their heartbeats at so many beats of each interval in turn: fewer would notice later, since the first of them
 * to miss one tells the others, and more would wake the thread more often.
 */
const beats = 2;

/** Nobody to send to yet. Each node counts its beats from its own start, so that not all send at once. */
export function createBeatSchedule(startMs: number, sessionOf: (subject: string) => Session | undefined): BeatSchedule {
  const linger = new Map<string, number>();
  let watchers: readonly string[] = [];
  let receivers: readonly string[] = [];
  const gather = (): void => {
    receivers = [...watchers, ...linger.keys()];
  };
  const keepTime = (nowMs: number): void => {
    for (const [index, subject] of watchers.entries()) {
      const session = sessionOf(subject);
      if (session === undefined || session.beat === index % beats) continue;
      session.beat = index % beats;
      const offsetMs = startMs + (session.beat * session.intervalMs) / beats;
      session.nextSendMs = offsetMs + Math.ceil((nowMs - offsetMs) / session.intervalMs) * session.intervalMs;
    }
  };
  return {
    setWatchers: (subjects, nowMs) => {
      for (const subject of watchers) if (!subjects.includes(subject)) linger.set(subject, nowMs + lingerMs);
      for (const subject of subjects) linger.delete(subject);
      watchers = subjects;
      gather();
      keepTime(nowMs);
    },
    keepTime,
    due: (nowMs, send) => {
      for (const subject of receivers) {
        const session = sessionOf(subject);
        if (session === undefined || session.nextSendMs > nowMs + earlyMs) continue;
        send(session);
        // In step with the fixed beat; after a stall from now on, since what was missed is of no use.
        session.nextSendMs += session.intervalMs;
        if (session.nextSendMs <= nowMs) session.nextSendMs = nowMs + session.intervalMs;
      }
    },
    nextMs: () => {
      let soonest = Number.POSITIVE_INFINITY;
      for (const subject of receivers) soonest = Math.min(soonest, sessionOf(subject)?.nextSendMs ?? Number.POSITIVE_INFINITY);
      return soonest;
    },
    sweep: (nowMs) => {
      for (const [subject, untilMs] of linger) if (untilMs <= nowMs) linger.delete(subject);
      if (receivers.length !== watchers.length + linger.size) gather();
    },
  };
}
