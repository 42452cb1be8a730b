// How many live copies the chunks have that this node counts, for people to see. Every look notes whom it found; whether they
// live is asked when the sum is made, so that a loss shows at once and not with the next look. Chunks with the same holders
// share one entry. Whoever minds the farm decides by the sum that nothing lacks copies (`wholeness.ts` of the operator), and knows what it leaves out:
// a chunk whose first two holders are both gone, until the others look again.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * Chunks counted here by their live copies on nodes that stay, the last figure for so many or more; `onLeavers`: those of them with fewer than
 * `min`, but not with the live copies on nodes that leave; `partial`: not all chunks are in it, and none before the first look at everything.
 */
export type CopyCount = { readonly live: readonly number[]; readonly onLeavers: number; readonly partial: boolean };

/** Who holds a chunk, in the order that all share; the first `copies` of them stay, the others leave. */
export type SeenHolders = { readonly order: readonly PeerId[]; readonly copies: number };

/** Who could not be asked in a look; `stays`: whether copies there do; `rankAt`: where a node stands in the order around a chunk. */
export type Unasked = {
  readonly peers: ReadonlySet<PeerId>;
  stays(peer: PeerId): boolean;
  rankAt(address: Address): (peer: PeerId) => number;
};

export type CopyBook = {
  /** What a look at a chunk found; who could not be asked then holds it still, if it did before. */
  note(address: Address, seen: SeenHolders, unasked?: Unasked): void;
  /** A copy was made; `rank`: where a node stands in the order now. */
  made(address: Address, to: PeerId, rank: (peer: PeerId) => number): void;
  /** Who held a chunk when it was last looked at; nobody where this node does not count it. */
  holders(address: Address): readonly PeerId[];
  forget(address: Address): void;
  /** Everything was looked at; what is not `held` here any more is forgotten. */
  lookedThrough(held: (address: Address) => boolean): void;
  count(isLive: (peer: PeerId) => boolean): CopyCount;
};

type Group = { readonly key: string; readonly seen: SeenHolders; chunks: number };

// The first counts, the second is ready to when the first is gone; both gone, the looks that follow find out.
const counters = 2;

/** `min`, `target`: of the policy; live copies from `target` up are one figure. `chunksMax`: most that it remembers. */
export type CopyBookOptions = { readonly min: number; readonly target: number; readonly chunksMax: number };

/** An empty book of `self`. */
export function createCopyBook(self: PeerId, { min, target, chunksMax }: CopyBookOptions): CopyBook {
  const groupOf = new Map<Address, Group>();
  const groups = new Map<string, Group>();
  // Short names for nodes: a PeerId has 52 letters.
  const ids = new Map<PeerId, number>();
  const idOf = (peer: PeerId): number => {
    const id = ids.get(peer) ?? ids.size;
    ids.set(peer, id);
    return id;
  };
  let missed = false;
  let looked = false;
  const forget = (address: Address): void => {
    const group = groupOf.get(address);
    if (group === undefined) return;
    groupOf.delete(address);
    group.chunks -= 1;
    if (group.chunks === 0) groups.delete(group.key);
  };
  const note = (address: Address, found: SeenHolders, unasked?: Unasked): void => {
    const before = groupOf.get(address)?.seen;
    forget(address);
    // By those that answered: who did not may be dead, and must not keep this node from counting.
    if (!found.order.slice(0, counters).includes(self)) return;
    if (groupOf.size >= chunksMax) {
      missed = true;
      return;
    }
    const seen = before === undefined || unasked === undefined ? found : withUnasked(address, found, { before, unasked });
    const key = `${seen.copies} ${seen.order.map(idOf).join()}`;
    const group = groups.get(key) ?? { key, seen, chunks: 0 };
    group.chunks += 1;
    groups.set(key, group);
    groupOf.set(address, group);
  };
  return {
    note,
    made: (address, to, rank) => {
      const seen = groupOf.get(address)?.seen;
      if (seen === undefined || seen.order.includes(to)) return;
      const stay = [...seen.order.slice(0, seen.copies), to].sort((a, b) => rank(a) - rank(b));
      note(address, { order: [...stay, ...seen.order.slice(seen.copies)], copies: stay.length });
    },
    holders: (address) => groupOf.get(address)?.seen.order ?? [],
    forget,
    lookedThrough: (held) => {
      for (const address of groupOf.keys()) if (!held(address)) forget(address);
      looked = true;
      missed = groupOf.size >= chunksMax;
    },
    count: (isLive) => {
      const live = Array.from({ length: target + 1 }, () => 0);
      let onLeavers = 0;
      // Who has just started does not see all others yet: their copies would be missing, and raise a false alarm.
      if (!looked) return { live, onLeavers, partial: true };
      for (const { seen, chunks } of groups.values()) {
        if (seen.order.find(isLive) !== self) continue;
        const copies = Math.min(target, seen.order.slice(0, seen.copies).filter(isLive).length);
        live[copies] = (live[copies] ?? 0) + chunks;
        if (copies < min && seen.order.filter(isLive).length >= min) onLeavers += chunks;
      }
      return { live, onLeavers, partial: missed };
    },
  };
}

type Kept = { readonly before: SeenHolders; readonly unasked: Unasked };

// A node that is suspected for a moment lost nothing. Should it be dead, the sum leaves it out as soon as it is silent for long.
function withUnasked(address: Address, found: SeenHolders, { before, unasked }: Kept): SeenHolders {
  const kept = before.order.filter((peer) => unasked.peers.has(peer) && !found.order.includes(peer));
  if (kept.length === 0) return found;
  const rank = unasked.rankAt(address);
  const stay = [...found.order.slice(0, found.copies), ...kept.filter(unasked.stays)].sort((a, b) => rank(a) - rank(b));
  const leave = [...found.order.slice(found.copies), ...kept.filter((peer) => !unasked.stays(peer))].sort();
  return { order: [...stay, ...leave], copies: stay.length };
}
