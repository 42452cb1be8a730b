// The arithmetic of groups for signed records: how many hold one, how many must take a write, how many may lie, and how
// many answers a read needs so that an honest holder of the last write is among them.

/** Holders (g), writes needed (q), lying holders tolerated (f), answers read (r). */
export type GroupSizes = { readonly holders: number; readonly writes: number; readonly liars: number; readonly reads: number };

/** Most holders of a record. */
export const groupHoldersMax = 8;

/**
 * The sizes for a network of `confirmedNodes` (at least 1): g = min(8, nodes), q = ceil((2g + 1) / 3), f the largest for
 * which 2q - g > f, and q and r = g - q + f + 1 answers can be had from the g - f honest holders alone.
 */
export function groupSizes(confirmedNodes: number): GroupSizes {
  if (!Number.isInteger(confirmedNodes) || confirmedNodes < 1)
    throw new RangeError(`a network has a whole number of nodes, at least 1, got ${confirmedNodes}`);
  const holders = Math.min(groupHoldersMax, confirmedNodes);
  const writes = Math.ceil((2 * holders + 1) / 3);
  let liars = 0;
  while (tolerates(holders, writes, liars + 1)) liars += 1;
  return { holders, writes, liars, reads: readsFor(holders, writes, liars) };
}

function readsFor(holders: number, writes: number, liars: number): number {
  return holders - writes + liars + 1;
}

function tolerates(holders: number, writes: number, liars: number): boolean {
  const honest = holders - liars;
  return 2 * writes - holders > liars && writes <= honest && readsFor(holders, writes, liars) <= honest;
}
