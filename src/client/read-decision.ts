// The decisions of a chunk's read, pure: in which order holders are asked, whom to ask next, what it means when none has it.
import type { Directory, Holder } from "../network/directory.ts";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { ClientLimits } from "./client-limits.ts";

/**
 * asked: on its way · late: still on its way, but another is asked beside it · not-held, damaged: its answer · wrong: bytes
 * of another address · failed: no answer, to be asked once more where that may help · lost: no answer, not asked again.
 */
export type AskState = "asked" | "late" | "not-held" | "damaged" | "wrong" | "failed" | "lost";

/** A node that may have the chunk. `doubtful`: this side believes it is not there now. */
export type ReadCandidate = { readonly peer: PeerId; readonly doubtful: boolean };

/** Ask this node · wait for those asked · give up, for this reason. */
export type ReadDecision =
  | { readonly kind: "ask"; readonly candidate: ReadCandidate }
  | { readonly kind: "wait" }
  | { readonly kind: "over"; readonly why: "damaged" | "not-found" | "unreachable" };

/** The holders that have all that is their own. A vault that joins has only what it got so far: those it displaces still serve the rest. */
export function settledHolders(holders: readonly Holder[]): readonly Holder[] {
  return holders.filter(({ entry }) => entry.state !== "joining");
}

/**
 * Who may have a chunk: the holders, those it had before vaults joined that still do, the wider circle, whoever else may have been one before, and the wider
 * circle with those believed away; `due`: the holders as if nobody were away.
 */
export type ReadCircles = Readonly<Record<"close" | "before" | "wide" | "far" | "all" | "due", readonly Holder[]>>;

/** Nodes of which at least `copies` have a chunk, if any node does. */
export type Expected = { readonly peers: readonly PeerId[]; readonly copies: number };

/**
 * Where a stored chunk must be: `min` nodes took it, which are holders, or were before vaults joined. Those believed away count, or whoever stands in for
 * them, and may not have got the chunk yet, would speak for them.
 */
export function expectedCopies(
  { due, before }: Pick<ReadCircles, "due" | "before">,
  { min }: { readonly min: number },
): readonly Expected[] {
  return [due, before].map((holders) => ({ peers: holders.map(({ peer }) => peer), copies: min }));
}

/** How many vaults each circle has. */
export type ReadCounts = { readonly target: number; readonly wide: number; readonly far: number };

/** The usual circles of a network. */
export function readCounts({ target }: { readonly target: number }, limits: Pick<ClientLimits, "candidatesMax" | "formerMax">): ReadCounts {
  return { target, wide: limits.candidatesMax, far: limits.formerMax };
}

/**
 * The circles of a chunk. While vaults join, those that had it before may be far from it: whoever lets many nodes join at once puts them all beyond the
 * wider circle, and the closest vaults without those that join are the directory as it was. Of many that join, some have all that is theirs before others
 * do: these are in that directory too, without the chunk where it is for those others, so that it is asked further than the holders reach.
 */
export function readCircles(directory: Pick<Directory, "closest">, chunk: Address, counts: ReadCounts): ReadCircles {
  const wide = directory.closest(chunk, counts.wide, "read").holders;
  const isSettled = settledHolders(wide).length === wide.length;
  const settled = (count: number): readonly Holder[] => (isSettled ? [] : directory.closest(chunk, count, "settled").holders);
  return {
    close: directory.closest(chunk, counts.target, "read").holders,
    before: settled(counts.target),
    wide,
    far: settled(counts.far),
    all: directory.closest(chunk, counts.wide, "all").holders,
    due: directory.closest(chunk, counts.target, "all").holders,
  };
}

/**
 * The order of asking: the close holders cheapest first, those that still join after them, whom these displace, then the wider circle by distance, then
 * those further away that do not join, then those distrusted, then those believed away.
 */
export function readOrder(
  circles: ReadCircles,
  { cost, distrusts }: { cost(peer: PeerId): number; distrusts(peer: PeerId): boolean },
): readonly ReadCandidate[] {
  const close = settledHolders(circles.close).map(({ peer }) => ({ peer, cost: cost(peer) }));
  const inOrder = [...close.sort((a, b) => a.cost - b.cost), ...circles.close, ...circles.before, ...circles.wide, ...circles.far];
  const reachable = new Set(inOrder.map(({ peer }) => peer));
  const doubtful = [...new Set([...circles.due, ...circles.all].map(({ peer }) => peer))].filter((peer) => !reachable.has(peer));
  const trustedFirst = [...reachable].sort((a, b) => Number(distrusts(a)) - Number(distrusts(b)));
  return [...trustedFirst.map((peer) => ({ peer, doubtful: false })), ...doubtful.map((peer) => ({ peer, doubtful: true }))];
}

/** What to do next, where copies are `expected` so. */
export function decideRead(
  candidates: readonly ReadCandidate[],
  asked: ReadonlyMap<PeerId, AskState>,
  expected: readonly Expected[],
): ReadDecision {
  const states = [...asked.values()];
  if (states.includes("asked")) return { kind: "wait" };
  const next = candidates.find(({ peer }) => !asked.has(peer)) ?? candidates.find(({ peer }) => asked.get(peer) === "failed");
  if (next !== undefined) return { kind: "ask", candidate: next };
  if (states.includes("late")) return { kind: "wait" };
  if (states.includes("wrong") || states.includes("damaged")) return { kind: "over", why: "damaged" };
  return { kind: "over", why: states.includes("not-held") && !mayBeSilent(asked, expected) ? "not-found" : "unreachable" };
}

/**
 * Whether all who have a chunk may be among those that gave no answer. With fewer silent ones than copies, one that has it would have answered: so a chunk that
 * nobody has is not found though all but one of `min` holders are dead, and what outsiders say they lack means nothing while the holders say nothing.
 */
export function mayBeSilent(asked: ReadonlyMap<PeerId, AskState>, expected: readonly Expected[]): boolean {
  return expected.some(({ peers, copies }) => {
    const silent = peers.filter((peer) => asked.get(peer) !== "not-held").length;
    return silent >= copies;
  });
}

/** Whom each of several small reads asks first, so that few messages do: again and again the node that most of the rest can ask, of equals the cheapest. */
export function shareHolders(reads: readonly (readonly PeerId[])[], cost: (peer: PeerId) => number): readonly (PeerId | undefined)[] {
  const chosen: (PeerId | undefined)[] = reads.map(() => undefined);
  const left = new Set(reads.keys());
  while (left.size > 0) {
    const serves = new Map<PeerId, number[]>();
    for (const index of left) for (const peer of reads[index] ?? []) serves.set(peer, [...(serves.get(peer) ?? []), index]);
    const [best] = [...serves].sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || cost(a) - cost(b));
    if (best === undefined) break;
    for (const index of best[1]) {
      chosen[index] = best[0];
      left.delete(index);
    }
  }
  return chosen;
}
