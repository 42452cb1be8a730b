// What this node has seen of one vault: audits, windows of ten minutes in which its node answered, days. Pure: each
// function gives the book after an event.
import type { AuditVerdict } from "../audit/auditor.ts";
import { conductOf, nextAudits, type ScoreFacts } from "./score.ts";

/** Windows counted, and those in which the vault's node answered. */
export type WindowCount = { readonly windows: number; readonly answered: number };

export type ConductBook = {
  /** Moving mean of its audits, 0 to 1. */
  readonly audits: number;
  /** The same without regard to pace: whether it showed what it claims to have. */
  readonly shown: number;
  readonly goodDays: number;
  /** Windows without an answer, one after another. */
  readonly silentWindows: number;
  readonly today: WindowCount & { readonly proven: number; readonly failed: number };
  /** The last days, oldest first; `audits` as it stood at their end, absent from what an older node remembered. */
  readonly days: readonly (WindowCount & { readonly audits?: number | undefined })[];
};

export const windowMs: number = 10 * 60_000;
const windowsPerDay = 144;
/** 20 hours. */
const windowsOfGoodDay = 120;
const daysMax = 30;
/** 3 days. */
const absenceWindows = 3 * windowsPerDay;

const newDay = { windows: 0, answered: 0, proven: 0, failed: 0 };
/** Nothing seen: innocent, and of no age. */
export const newBook: ConductBook = { audits: 1, shown: 1, goodDays: 0, silentWindows: 0, today: newDay, days: [] };

/** An audit's verdict; evaded: what was asked for was put off beyond all patience. */
export type ConductVerdict = AuditVerdict | "evaded";

/** What an audit is worth; undefined where it says nothing about the vault's honesty: silence is counted by windows. */
const worths: Readonly<Record<ConductVerdict, number | undefined>> = {
  proven: 1,
  // It has shown the bytes, perhaps fetched from elsewhere.
  late: 0.5,
  missing: 0,
  wrong: 0,
  evaded: 0,
  silent: undefined,
  later: undefined,
  unasked: undefined,
};

// Evasion proves no lie, so it lowers what was shown only this far: well below the threshold of trust, and so near to it that 150
// proofs, some hours of audits, bring a node back that was busy for an hour.
const evadedFloor = 0.8;

/** After an audit. */
export function afterAudit(book: ConductBook, verdict: ConductVerdict): ConductBook {
  const worth = worths[verdict];
  const { today } = book;
  const day = {
    ...today,
    proven: today.proven + Number(worth !== undefined && worth > 0),
    failed: today.failed + Number(worth === 0 || verdict === "silent"),
  };
  const isAtFloor = verdict === "evaded" && book.shown <= evadedFloor;
  if (worth === undefined || isAtFloor) return { ...book, today: day };
  return { ...book, today: day, audits: nextAudits(book.audits, worth), shown: nextAudits(book.shown, Number(worth > 0)) };
}

/** After a window of ten minutes; every 144th ends a day. */
export function afterWindow(book: ConductBook, isAnswered: boolean): ConductBook {
  const { today, days } = book;
  const silentWindows = isAnswered ? 0 : book.silentWindows + 1;
  // An absence of three days halves what was earned, and does not end it.
  const goodDays = silentWindows > 0 && silentWindows % absenceWindows === 0 ? book.goodDays / 2 : book.goodDays;
  const day = { ...today, windows: today.windows + 1, answered: today.answered + Number(isAnswered) };
  // Who is distrusted gets nothing that it could show: what it did wrong fades while it does nothing wrong, and it is tried again.
  const shown = isAnswered && today.failed === 0 ? nextAudits(book.shown, 1) : book.shown;
  if (day.windows < windowsPerDay) return { ...book, shown, silentWindows, goodDays, today: day };
  const isGood = day.answered >= windowsOfGoodDay && day.proven > 0 && day.failed === 0;
  const { windows, answered } = day;
  return {
    ...book,
    shown,
    silentWindows,
    goodDays: goodDays + Number(isGood),
    today: newDay,
    days: [...days, { windows, answered, audits: book.audits }].slice(-daysMax),
  };
}

/** How far a vault's claims can be believed, 0 to 1: its conduct by what it showed alone. */
export function honestyOf({ shown }: Pick<ConductBook, "shown">): number {
  return conductOf({ audits: shown, answered: 1 });
}

const trendDays = 7;

/** A vault's conduct a week from now if it goes on as in the last seven days; undefined before there were more than that. */
export function conductInAWeek(book: ConductBook): number | undefined {
  const before = book.days.length - trendDays;
  const audits = book.days[before - 1]?.audits;
  if (audits === undefined) return undefined;
  const then = conductOf({ audits, answered: answeredIn(book.days, before) });
  return Math.max(0, 2 * conductOf(factsOf(book)) - then);
}

/** What the score is made of. */
export function factsOf({ audits, goodDays, today, days }: ConductBook): ScoreFacts {
  return { audits, goodDays, answered: answeredIn(days, days.length, today) };
}

/**
 * The share of windows answered in the first `count` days and one more; 1 where there were none. Counted for every vault
 * every ten minutes: it leaves no garbage.
 */
function answeredIn(days: ConductBook["days"], count: number, today: WindowCount = newDay): number {
  let { windows, answered } = today;
  for (let i = 0; i < count; i += 1) {
    windows += days[i]?.windows ?? 0;
    answered += days[i]?.answered ?? 0;
  }
  return windows === 0 ? 1 : answered / windows;
}
