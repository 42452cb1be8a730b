// The holders of chunks that this client put or asked about, and how many of them live now: the copies figures of the
// network view. Chunks with the same holders share one entry, so that a look costs little whatever the number of chunks.
import type { Address } from "../protocol/address.ts";
import type { CopiesPolicy } from "../protocol/genesis.ts";
import type { PeerId } from "../protocol/peer-id.ts";

export type CopiesFigures = { readonly lowest: number | null; readonly belowMin: number; readonly belowTarget: number };

/** A chunk and who has it, as far as this client knows. */
export type KnownCopies = { readonly chunk: Address; readonly holders: readonly PeerId[] };

export type CopiesLedger = {
  /** These nodes have the chunk, as far as this client knows. */
  note(chunk: Address, holders: readonly PeerId[]): void;
  figures(policy: CopiesPolicy, isLive: (peer: PeerId) => boolean): CopiesFigures;
  /** At most `chunksMax` chunks with fewer than `copies` live copies, those noted longest ago first. */
  below(copies: number, isLive: (peer: PeerId) => boolean, chunksMax: number): readonly KnownCopies[];
};

type Group = { readonly key: string; readonly holders: readonly PeerId[]; chunks: number };

/** An empty ledger that remembers the newest `chunksMax` chunks. */
export function createCopiesLedger(chunksMax: number): CopiesLedger {
  const groupOf = new Map<Address, Group>();
  const groups = new Map<string, Group>();
  const forget = (chunk: Address): void => {
    const group = groupOf.get(chunk);
    if (group === undefined) return;
    groupOf.delete(chunk);
    group.chunks -= 1;
    if (group.chunks === 0) groups.delete(group.key);
  };
  const note = (chunk: Address, holders: readonly PeerId[]): void => {
    forget(chunk);
    const [oldest] = groupOf.size >= chunksMax ? groupOf.keys() : [];
    if (oldest !== undefined) forget(oldest);
    const sorted = [...holders].sort();
    const key = sorted.join();
    const group = groups.get(key) ?? { key, holders: sorted, chunks: 0 };
    group.chunks += 1;
    groups.set(key, group);
    groupOf.set(chunk, group);
  };
  const figures = (policy: CopiesPolicy, isLive: (peer: PeerId) => boolean): CopiesFigures => {
    let [lowest, belowMin, belowTarget]: [number | null, number, number] = [null, 0, 0];
    for (const { holders, chunks } of groups.values()) {
      const live = holders.filter(isLive).length;
      lowest = Math.min(lowest ?? live, live);
      if (live < policy.min) belowMin += chunks;
      if (live < policy.target) belowTarget += chunks;
    }
    return { lowest, belowMin, belowTarget };
  };
  const below = (copies: number, isLive: (peer: PeerId) => boolean, chunksMax: number): readonly KnownCopies[] => {
    const few = new Set([...groups.values()].filter(({ holders }) => holders.filter(isLive).length < copies));
    const found: KnownCopies[] = [];
    if (few.size === 0) return found;
    for (const [chunk, group] of groupOf) {
      if (found.length >= chunksMax) break;
      if (few.has(group)) found.push({ chunk, holders: group.holders });
    }
    return found;
  };
  return { note, figures, below };
}
