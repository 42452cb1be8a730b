// The newest of what was seen, up to a number: enough to tell a second time from a first.

export type RecentSet<T> = { has(one: T): boolean; add(one: T): void };

/** An empty set that keeps the newest `max`. */
export function createRecentSet<T>(max: number): RecentSet<T> {
  const kept = new Set<T>();
  return {
    has: (one) => kept.has(one),
    add: (one) => {
      kept.delete(one);
      kept.add(one);
      if (kept.size <= max) return;
      // A Set keeps the order of insertion: the first is the oldest.
      for (const oldest of kept) {
        kept.delete(oldest);
        return;
      }
    },
  };
}
