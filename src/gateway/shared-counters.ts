// What several gateways of a farm count together, where they share a place to count in.

export type SharedCounters = {
  /** One more of `name` in its window: how many there are now, and how long the window still lasts; undefined where nobody can tell. Never rejects. */
  hit(name: string, windowMs: number): Promise<{ readonly count: number; readonly leftMs: number } | undefined>;
  /** Adds bytes (negative: gives back) to what an address and all together stored on a day; the sums after that; undefined where nobody can tell. Never rejects. */
  addStored(day: number, name: string, bytes: number): Promise<{ readonly address: number; readonly total: number } | undefined>;
};
