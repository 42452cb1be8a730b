// The port of the directory: what a peer knows of all nodes and vaults, and who is closest to an address. Implemented in
// membership/; a network beyond the directory's size would answer the same port through Kademlia look-ups.
import type { Address } from "../protocol/address.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { NodeRecord, VaultEntry } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { NodeViewState } from "../protocol/states.ts";

/**
 * A node as this peer sees it: its newest record, and this peer's own view.
 *
 * `since`: when `state` changed last (wall milliseconds); `confirmed` does not move it, so that delays count from the first silence.
 *
 * `confirmed`: the node's own goodbye says that it is not there (`away`, `gone`), or it is `suspected` and two watchers agree
 * at first hand, of whom this peer may be one (in farms of three or fewer nodes: all others). Any sign of life takes it back
 * at once. Never true of a `live` node, and of a suspected one not in this peer's own first two minutes after its start or
 * after a sleep. Only a confirmed loss may move data; a mere suspicion only routes round.
 *
 * `stranger`: nothing speaks for it. Where certificates name the nodes, neither they nor a grant of the owner that it showed do,
 * whoever met it; elsewhere others tell of it, and this peer has neither met it nor remembers it from before its start. Anybody
 * can sign records of nodes that are nowhere, and whoever has the network key can run some. Gone for good once something does.
 */
export type NodeView = {
  readonly record: NodeRecord;
  readonly state: NodeViewState;
  readonly since: number;
  readonly confirmed: boolean;
  readonly stranger?: true;
};

/** Whether nothing speaks for a node, so that nothing is placed with it and nobody waits for it. */
export function isStranger(view: NodeView | undefined): boolean {
  return view?.stranger === true;
}

/** The nodes for which something speaks. */
export function memberNodes(directory: Pick<Directory, "nodes">): readonly NodeView[] {
  return directory.nodes().filter((view) => !isStranger(view));
}

/** A vault chosen for an address. */
export type Holder = { readonly peer: PeerId; readonly vault: VaultName; readonly entry: VaultEntry; readonly state: NodeViewState };

/** The answer of `closest`: holders in order of distance, and whether there were too few nodes or zones for the rules. */
export type Placement = { readonly holders: readonly Holder[]; readonly short: "none" | "nodes" | "zones" };

/** For what the holders are wanted: writes leave out vaults that take nothing new, both leave out nodes that are away, suspected or gone; `settled`: as `read`, without vaults that still join; `all` leaves out nobody. */
export type PlacementPurpose = "write" | "read" | "settled" | "all";

export type Directory = {
  /** The `k` vaults closest to an address, at most one a node, spread over zones and hosts. Pure for one state, O(log n). */
  closest(address: Address, k: number, purpose: PlacementPurpose): Placement;
  nodes(): readonly NodeView[];
  node(peer: PeerId): NodeView | undefined;
  /** Calls `listener` after each change with the PeerId concerned, until the returned function is called. */
  onChange(listener: (peer: PeerId) => void): () => void;
};
