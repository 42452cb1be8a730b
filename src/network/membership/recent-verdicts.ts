// Remembers the last verdicts by key in bounded room: two halves, the older dropped whole when the newer is full.

export type RecentVerdicts<V> = { get(key: string): V | undefined; set(key: string, verdict: V): void };

/** Room for at least `countMax` and at most twice as many verdicts. */
export function createRecentVerdicts<V>(countMax: number): RecentVerdicts<V> {
  let newer = new Map<string, V>();
  let older = new Map<string, V>();
  const set = (key: string, verdict: V): void => {
    if (newer.size >= countMax) {
      older = newer;
      newer = new Map();
    }
    newer.set(key, verdict);
  };
  return { get: (key) => newer.get(key) ?? older.get(key), set };
}
