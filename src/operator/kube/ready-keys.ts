// Keys that may be taken, the highest priority first and then in order of coming.

export type ReadyKey = { readonly key: string; readonly priority: number /** When it became ready. */; readonly sinceMs: number };

export type ReadyKeys = {
  has(key: string): boolean;
  add(key: string, priority: number, sinceMs: number): void;
  /** Moves a key up; a lower priority changes nothing. */
  raise(key: string, priority: number): void;
  takeFirst(): ReadyKey | undefined;
  size(): number;
  depths(): ReadonlyMap<number, number>;
};

/** `shown`: priorities whose depth is told from the start, as 0. */
export function createReadyKeys(shown: readonly number[]): ReadyKeys {
  const priorityOf = new Map<string, number>();
  // Few priorities, many keys: a row for each priority, kept when empty so that its depth shows as 0.
  const rows = new Map(shown.map((priority) => [priority, new Map<string, number>()]));
  const add = (key: string, priority: number, sinceMs: number): void => {
    priorityOf.set(key, priority);
    const row = rows.get(priority) ?? new Map<string, number>();
    rows.set(priority, row.set(key, sinceMs));
  };
  const remove = (key: string, priority: number): number => {
    const row = rows.get(priority);
    const sinceMs = row?.get(key) ?? 0;
    row?.delete(key);
    priorityOf.delete(key);
    return sinceMs;
  };
  return {
    has: (key) => priorityOf.has(key),
    add,
    raise: (key, priority) => {
      const before = priorityOf.get(key);
      if (before !== undefined && before < priority) add(key, priority, remove(key, before));
    },
    takeFirst: () => {
      const filled = [...rows].filter(([, row]) => row.size > 0).map(([priority]) => priority);
      if (filled.length === 0) return undefined;
      const priority = Math.max(...filled);
      for (const key of rows.get(priority)?.keys() ?? []) return { key, priority, sinceMs: remove(key, priority) };
      return undefined;
    },
    size: () => priorityOf.size,
    depths: () => new Map([...rows].map(([priority, row]) => [priority, row.size])),
  };
}
