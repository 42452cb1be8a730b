// The port of the directory: what a peer knows of all nodes and vaults, and who is closest to an address. Implemented in
// membership/; a network beyond the directory's size would answer the same port through Kademlia look-ups.
import type { Address } from "../protocol/address.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { NodeRecord, VaultEntry } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { NodeViewState } from "../protocol/states.ts";

/** A node as this peer sees it: its newest record, this peer's own view, and since when (wall milliseconds). */
export type NodeView = { readonly record: NodeRecord; readonly state: NodeViewState; readonly since: number };

/** A vault chosen for an address. */
export type Holder = { readonly peer: PeerId; readonly vault: VaultName; readonly entry: VaultEntry; readonly state: NodeViewState };

/** The answer of `closest`: holders in order of distance, and whether there were too few nodes or zones for the rules. */
export type Placement = { readonly holders: readonly Holder[]; readonly short: "none" | "nodes" | "zones" };

/** For what the holders are wanted: writes leave out vaults that take nothing new, both leave out nodes that are away, suspected or gone; `all` leaves out nobody. */
export type PlacementPurpose = "write" | "read" | "all";

export type Directory = {
  /** The `k` vaults closest to an address, at most one a node, spread over zones and hosts. Pure for one state, O(log n). */
  closest(address: Address, k: number, purpose: PlacementPurpose): Placement;
  nodes(): readonly NodeView[];
  node(peer: PeerId): NodeView | undefined;
  /** Calls `listener` after each change with the PeerId concerned, until the returned function is called. */
  onChange(listener: (peer: PeerId) => void): () => void;
};
