// What one holder does about one chunk, decided from plain data: which copies it makes, whether it may drop its own, and
// whose turn it is. Every holder with the same facts decides the same. Pure; tested by random histories.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * A vault that may keep a copy. `here`: its node answers, or should; otherwise it is away or silent for less than the
 * repair delay. `takes`: it accepts new chunks. `joining`: it has not yet got everything that is its own.
 */
export type Keeper = {
  readonly peer: PeerId;
  readonly vault: VaultName;
  readonly here: boolean;
  readonly takes: boolean;
  readonly joining: boolean;
};

/** What is known of one chunk at one of its holders. */
export type ChunkFacts = {
  readonly policy: CopiesPolicy;
  readonly self: PeerId;
  /** Those that may keep it, best first, one a node: without nodes that are lost, gone or draining. */
  readonly keepers: readonly Keeper[];
  /** Nodes that said they have it, this one among them. */
  readonly holders: ReadonlySet<PeerId>;
  /** Nodes that should have answered and did not. */
  readonly silent: ReadonlySet<PeerId>;
};

/** A copy to be made. repair: there are too few · placement: a vault that joins gets what is its own. */
export type CopyOrder = { readonly to: PeerId; readonly vault: VaultName; readonly why: "repair" | "placement" };

export type ChunkPlan = {
  /** Live copies on nodes that stay. */
  readonly copies: number;
  readonly orders: readonly CopyOrder[];
  /** All holders in the order that all share; the first `copies` stay. */
  readonly order: readonly PeerId[];
  /** The holders that come before this one: it acts only where they did not. */
  readonly ahead: readonly PeerId[];
  /** Copies still missing for which there is no vault. */
  readonly short: number;
  /** Nodes that must prove that they hold it before this one drops its copy; empty = it is kept. */
  readonly proofs: readonly PeerId[];
};

/** What to do about a chunk that this node holds. */
export function planChunk(facts: ChunkFacts): ChunkPlan {
  const { policy, keepers, holders } = facts;
  const staying = keepers.filter(({ peer }) => holders.has(peer));
  const copies = staying.length;
  const { waiting, missing } = fillTarget(facts, copies);
  const lacking = Math.max(0, policy.target - copies - waiting);
  const joiners = missing.filter(({ joining }) => joining);
  const others = missing.filter(({ joining }) => !joining);
  // Joiners first: they get the chunk in any case, so that it counts towards what is lacking.
  const repairs = [...joiners, ...others].slice(0, lacking);
  const placements = joiners.slice(repairs.length).slice(0, Math.max(0, policy.max - copies - repairs.length));
  const orders = [...repairs.map((to) => orderOf(to, "repair")), ...placements.map((to) => orderOf(to, "placement"))];
  const order = holdersInOrder(facts, staying);
  return {
    copies,
    orders,
    order,
    ahead: order.slice(0, Math.max(0, order.indexOf(facts.self))),
    short: Math.max(0, lacking - repairs.length),
    proofs: proofsFor(facts, staying),
  };
}

// The first `target` that hold it, can take it, or will be back: a vault that has no room is passed over, unless it has it.
// A copy may lie further out, with one that cannot be asked now: it too is waited for until it counts as lost. With fewer than
// `min` copies only up to `max` places: a copy too many costs bytes then, one too few may cost the chunk.
function fillTarget({ policy, keepers, holders, silent }: ChunkFacts, copies: number): { waiting: number; missing: readonly Keeper[] } {
  const placesAwaited = copies < policy.min ? policy.max : keepers.length;
  let filled = 0;
  let waiting = 0;
  const missing: Keeper[] = [];
  for (const [place, keeper] of keepers.entries()) {
    const isFull = filled >= policy.target;
    if (isFull && place >= placesAwaited) break;
    const holds = holders.has(keeper.peer);
    const awaited = !holds && (!keeper.here || silent.has(keeper.peer));
    if (isFull) {
      if (awaited) waiting += 1;
      continue;
    }
    if (!holds && !awaited && !keeper.takes) continue;
    filled += 1;
    if (awaited) waiting += 1;
    else if (!holds) missing.push(keeper);
  }
  return { waiting, missing };
}

// Holders act in the order of their distance; those that will leave act last, in an order of their own.
function holdersInOrder({ holders }: ChunkFacts, staying: readonly Keeper[]): readonly PeerId[] {
  const stay = staying.map(({ peer }) => peer);
  const leavers = [...holders].filter((peer) => !stay.includes(peer)).sort();
  return [...stay, ...leavers];
}

// A copy is one too many where `target` holders stand before it. The order is the same everywhere, so that of any number
// of holders that decide at the same time the first `target` never drop theirs. Who leaves keeps what it has.
function proofsFor({ policy, self }: ChunkFacts, staying: readonly Keeper[]): readonly PeerId[] {
  const own = staying.findIndex(({ peer }) => peer === self);
  if (own < policy.target) return [];
  return staying.slice(0, policy.target).map(({ peer }) => peer);
}

function orderOf({ peer, vault }: Keeper, why: CopyOrder["why"]): CopyOrder {
  return { to: peer, vault, why };
}
