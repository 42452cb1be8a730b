// What comparisons find becomes looks: chunks that this node has and a peer lacks are looked at now, not with the next
// round through everything.
import type { Mender } from "../reconciliation/mender.ts";
import type { Replicator } from "./replicator.ts";

/** A mender that has the replicator look. What only the peer has, the peer finds in its own comparison. */
export function createMender(replicator: Pick<Replicator, "hint">): Mender {
  return {
    differences: (_peer, { onlyMine }) => replicator.hint(onlyMine),
    // The holders that are left see that a copy is missing when they compare, or look through everything.
    lostHere: () => {},
  };
}
