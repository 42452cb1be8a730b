// Suspicions this side took back, and how often it says so again: a word may be lost on the way. Pure.

export type TakenBack = {
  add(subject: string): void;
  /** Those to say again now, each fewer times after. */
  next(): readonly string[];
  /** Whether any is left to be said. */
  isOwed(): boolean;
};

/** So often after the first time. */
const times = 2;
/** So soon after, milliseconds: whoever loses one word is to use the node within 100. */
export const takenBackEveryMs = 25;

/** Nothing taken back. */
export function createTakenBack(): TakenBack {
  const left = new Map<string, number>();
  return {
    add: (subject) => void left.set(subject, times),
    next: () => {
      const subjects = [...left.keys()];
      for (const subject of subjects) {
        const more = (left.get(subject) ?? 1) - 1;
        if (more > 0) left.set(subject, more);
        else left.delete(subject);
      }
      return subjects;
    },
    isOwed: () => left.size > 0,
  };
}
