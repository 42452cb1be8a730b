// What other watchers say of each node, and what follows from it: one watcher's word is enough to route round, two others
// that hear the node overrule it, and who says too much is not listened to. Pure: times are handed in.
import type { Verdict, Word } from "../../protocol/heartbeat.ts";

export type ClaimBook = {
  /** Takes in a word of a watcher: whether it was listened to. */
  hear(from: string, word: Word, nowMs: number): boolean;
  /** Whether a node is to be routed round on the word of others. `unheard`: their words ran out without being taken back. */
  verdict(subject: string, nowMs: number): "silent" | "heard" | "unheard";
  /** Nodes of whom silence is claimed, to be looked at as words run out. */
  claimed(): readonly string[];
  /** All words fall: this side stood still. */
  forget(): void;
};

/** A word counts this long unless it is repeated, milliseconds: four repetitions may be lost. */
export const wordValidMs = 2_000;
/** A standing suspicion is said again this often, milliseconds. */
export const wordEveryMs = 400;
/** Watchers who hear a node, and so overrule one who does not. */
const overrulers = 2;
/** Words that change something a watcher may say at once, and a second: four nodes that all flap at ten times a second. */
const changesBurst = 64;
const changesPerSecond = 40;
/** Nodes spoken of at a time: more than ever fail together in a network this size; words about others wait for connections to speak. */
const subjectsMax = 1_024;

type Said = { readonly verdict: Verdict; readonly atMs: number; readonly sinceMs: number };
type Budget = { left: number; filledMs: number };

/** Nothing said yet. `isWatcher`: whether somebody watches a node at all; the words of others do not count. */
export function createClaimBook(isWatcher: (watcher: string, subject: string) => boolean): ClaimBook {
  const said = new Map<string, Map<string, Said>>();
  const budgets = new Map<string, Budget>();

  const mayChange = (from: string, nowMs: number): boolean => {
    const budget = budgets.get(from) ?? { left: changesBurst, filledMs: nowMs };
    budgets.set(from, budget);
    budget.left = Math.min(changesBurst, budget.left + ((nowMs - budget.filledMs) / 1000) * changesPerSecond);
    budget.filledMs = nowMs;
    if (budget.left < 1) return false;
    budget.left -= 1;
    return true;
  };
  const hear = (from: string, { subject, verdict }: Word, nowMs: number): boolean => {
    if (from === subject || !isWatcher(from, subject)) return false;
    const words = said.get(subject) ?? new Map<string, Said>();
    const before = words.get(from);
    const isSame = before?.verdict === verdict && nowMs - before.atMs <= wordValidMs;
    if (!isSame && !mayChange(from, nowMs)) return false;
    if (said.size >= subjectsMax && !said.has(subject)) return false;
    words.set(from, { verdict, atMs: nowMs, sinceMs: isSame ? before.sinceMs : nowMs });
    said.set(subject, words);
    return true;
  };
  const verdict = (subject: string, nowMs: number): "silent" | "heard" | "unheard" => {
    const words = said.get(subject);
    if (words === undefined) return "unheard";
    for (const [from, { atMs }] of words) if (nowMs - atMs > wordValidMs) words.delete(from);
    if (words.size === 0) {
      said.delete(subject);
      return "unheard";
    }
    const silent = [...words.values()].filter((word) => word.verdict === "silent");
    if (silent.length === 0) return "heard";
    const claimedMs = Math.max(...silent.map(({ sinceMs }) => sinceMs));
    // Only who heard it after the last claim began can overrule: a word from before says nothing.
    const heardSince = [...words.values()].filter((word) => word.verdict === "heard" && word.atMs >= claimedMs).length;
    return heardSince >= overrulers && heardSince > silent.length ? "heard" : "silent";
  };
  return {
    hear,
    verdict,
    claimed: () => [...said.keys()],
    forget: () => {
      said.clear();
      budgets.clear();
    },
  };
}
