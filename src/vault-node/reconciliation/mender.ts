// The port to whoever makes copies again: what comparing, reading and scrubbing found wrong is handed over here.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Differences } from "./comparison.ts";

export type Mender = {
  /**
   * Chunks that this node and `peer` should both hold, and only one of them has (chunks stored in the last half minute
   * are left out: their puts may be under way). Given anew with each comparison until they are mended.
   */
  differences(peer: PeerId, found: Differences): void;
  /** A chunk that lay here is damaged or lost; it was dropped and must come from another holder. */
  lostHere(address: Address): void;
};

/** Mends nothing. */
export const idleMender: Mender = { differences: () => {}, lostHere: () => {} };
