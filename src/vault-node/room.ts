// What a node does about chunks that find no room in its vaults: it remembers who took them, and says so instead of asking for them.

import type { Address } from "../protocol/address.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import type { CoreParts } from "./core-parts.ts";
import type { HandlerParts } from "./handlers/parts.ts";
import type { ReplicatorWiring } from "./keeping-copies.ts";
import { pointerLimits } from "./pointers/pointer-looks.ts";
import { createPointers, type Pointers } from "./pointers/pointers.ts";
import type { VaultConditions } from "./vault-conditions.ts";

/** The pointers of the node's vaults. */
export function pointersOf(parts: CoreParts, store: ChunkStore): Pointers {
  const { identity, membership, pointerBooks } = parts;
  const around = { directory: membership.directory, policy: identity.genesis.copies };
  const holds = (address: Address): boolean => store.info(address) !== undefined;
  return createPointers({ ...parts, ...around, books: pointerBooks ?? new Map(), holds }, { ...pointerLimits, ...parts.pointers });
}

/** What handlers ask about room and pointers. */
export function roomOf(
  conditions: VaultConditions,
  pointers: Pointers,
): Pick<HandlerParts, "isFull" | "onFull" | "takerOf" | "takerInstead"> {
  return {
    isFull: conditions.isFull,
    onFull: pointers.refused,
    takerOf: pointers.takerOf,
    takerInstead: (address) => {
      const vault = pointers.vaultOf(address);
      return vault === undefined || conditions.hasRoom(vault) ? undefined : pointers.takerOf(address);
    },
  };
}

type Lacking = Pick<CoreParts, "identity" | "membership"> & { readonly conditions: VaultConditions; readonly pointers: Pointers };

/** Chunks that others have and a vault of this node should: where it is full nobody sends them, so it remembers who has them. */
export function pointAtLacking({ identity, membership, conditions, pointers }: Lacking): ReplicatorWiring["lacking"] {
  return (addresses) => {
    for (const address of addresses) {
      const { holders } = membership.directory.closest(address, identity.genesis.copies.target, "all");
      const vault = holders.find(({ peer }) => peer === identity.peerId)?.vault;
      if (vault !== undefined && conditions.isFull(vault)) pointers.refused(vault, address);
    }
  };
}
