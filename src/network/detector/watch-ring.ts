// Who watches whom: nodes stand in a ring in the order of their short names, which are hashes; each is watched by those
// that follow it. The same for everybody who knows the same nodes, and every node watches as many as watch it. Pure.

/** Watchers of each node: so that one that stalls costs nothing, and the cost of a node does not grow with the network. */
export const watchersPerNode = 4;

export type WatchRing = {
  /** The subjects in their order. */
  readonly order: readonly string[];
  /** Those who watch a node. */
  watchersOf(subject: string): readonly string[];
  /** Those whom a node watches. */
  watchedBy(subject: string): readonly string[];
  isWatcher(watcher: string, subject: string): boolean;
};

/** The ring of these nodes. */
export function createWatchRing(subjects: readonly string[]): WatchRing {
  const order = [...new Set(subjects)].sort();
  const indexes = new Map(order.map((subject, index) => [subject, index]));
  const reach = Math.min(watchersPerNode, order.length - 1);
  const from = (subject: string, step: 1 | -1): readonly string[] => {
    const index = indexes.get(subject);
    if (index === undefined) return [];
    return Array.from({ length: reach }, (_, i) => order.at((index + step * (i + 1)) % order.length)).filter(
      (found) => found !== undefined,
    );
  };
  const isWatcher = (watcher: string, subject: string): boolean => {
    const [w, s] = [indexes.get(watcher), indexes.get(subject)];
    if (w === undefined || s === undefined) return false;
    const distance = (w - s + order.length) % order.length;
    return distance >= 1 && distance <= reach;
  };
  return { order, watchersOf: (subject) => from(subject, 1), watchedBy: (subject) => from(subject, -1), isWatcher };
}
