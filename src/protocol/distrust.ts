// Whose claims count no more, decided from how honest nodes were seen to be. Pure; nodes decide from their own audits, customers
// from the middle of what nodes publish.
import type { PeerId } from "./peer-id.ts";
import { standingBelow } from "./standing.ts";

/** A node by the worst of its vaults. `honesty`: 0 to 1, its conduct by what it showed, without regard to pace and absences. */
export type SeenNode = { readonly peer: PeerId; readonly honesty: number };

// Where more than this look bad, it is likelier that whoever looks has a bad disk or link.
const shareBelievable = 1 / 2;

/**
 * The nodes that are not trusted, of the `seen` (all nodes there are but the one that looks): below the threshold, worst first,
 * never so many that fewer than `target` are left with the one that looks, and none where over half look bad.
 *
 * Whom that leaves trusted costs little: there are then exactly `target` nodes to keep a chunk, and all others have it.
 */
export function distrustedOf(seen: readonly SeenNode[], target: number): ReadonlySet<PeerId> {
  const below = seen.filter(({ honesty }) => honesty < standingBelow.distrusted);
  if (below.length > seen.length * shareBelievable) return new Set();
  const most = Math.max(0, seen.length + 1 - target);
  const worst = [...below].sort((a, b) => a.honesty - b.honesty || (a.peer < b.peer ? -1 : 1));
  return new Set(worst.slice(0, most).map(({ peer }) => peer));
}
