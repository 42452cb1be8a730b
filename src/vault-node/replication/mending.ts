// What upkeep finds becomes work: chunks that this node has and a peer lacks are looked at now, not with the next round
// through everything; chunks that were lost here are brought back.
import type { Address } from "../../protocol/address.ts";
import type { Mender } from "../reconciliation/mender.ts";
import type { Replicator } from "./replicator.ts";

/** A mender that has the replicator look. What only the peer has, the peer finds in its own comparison; `lacking` hears of it. */
export function createMender(replicator: Pick<Replicator, "hint" | "lost">, lacking: (addresses: readonly Address[]) => void): Mender {
  return {
    differences: (_peer, { onlyMine, onlyTheirs }) => {
      replicator.hint(onlyMine);
      lacking(onlyTheirs);
    },
    lostHere: (address) => replicator.lost(address),
  };
}
