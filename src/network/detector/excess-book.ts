// Who sends more authentic datagrams, or more words that nobody believes, than any honest peer. Only what was sealed under a session's
// key and is fresh counts: a stranger may name any sender, and may send again what it overheard.

export type Excess = "datagrams" | "words";

export type ExcessBook = {
  /** One more from this peer: whether that makes an offence. */
  add(subject: string, what: Excess, nowMs: number): boolean;
  forget(subject: string): void;
};

type Rate = { readonly burst: number; readonly perSecond: number };

/** A second, and at once after a stall in which they waited. Heartbeats come 250 times a second at most, words for each change at tens. */
const datagramRate: Rate = { burst: 4_000, perSecond: 1_000 };
/** Two whose rings differ for a while disagree on who watches four nodes, each told of every 400 ms, and more often while it flaps. */
const wordRate: Rate = { burst: 1_024, perSecond: 64 };
/** One offence is so many beyond that. */
const perOffence = 64;

type Allowance = { left: number; filledMs: number; over: number };

/** Nobody sent anything yet. One entry a session: it must be forgotten with it. */
export function createExcessBook(): ExcessBook {
  const rates: Readonly<Record<Excess, Rate>> = { datagrams: datagramRate, words: wordRate };
  const books: Readonly<Record<Excess, Map<string, Allowance>>> = { datagrams: new Map(), words: new Map() };
  return {
    add: (subject, what, nowMs) => {
      const { burst, perSecond } = rates[what];
      const allowance = books[what].get(subject) ?? { left: burst, filledMs: nowMs, over: 0 };
      books[what].set(subject, allowance);
      allowance.left = Math.min(burst, allowance.left + ((nowMs - allowance.filledMs) / 1000) * perSecond);
      allowance.filledMs = nowMs;
      if (allowance.left >= 1) {
        allowance.left -= 1;
        return false;
      }
      allowance.over += 1;
      return allowance.over % perOffence === 0;
    },
    forget: (subject) => {
      for (const book of Object.values(books)) book.delete(subject);
    },
  };
}
