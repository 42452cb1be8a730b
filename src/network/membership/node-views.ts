// What this peer sees: the state it gives each node, and the directory made of it. Every change of a record or a state
// reaches the place index here, and only here, so that `closest` and the views never disagree.
import type { Address } from "../../protocol/address.ts";
import { createPlaceIndex, type PlaceIndex, purposeBits, type VaultSlot } from "../../protocol/closest.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { NodeRecord, VaultEntry } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type NodeViewState, servesReads, takesNewChunks, type VaultState } from "../../protocol/states.ts";
import { type Directory, type Holder, isStranger, type NodeView, type Placement, type PlacementPurpose } from "../directory.ts";

/** The directory, and the ways to change it. */
export type NodeViews = {
  readonly directory: Directory;
  /** Takes in a node's newest record; a node that was not known begins in `state`, a known one keeps its own. */
  putRecord(record: NodeRecord, state: NodeViewState, stranger?: boolean): void;
  /** Makes a known node a stranger, without places, or one no more. */
  setStranger(peer: PeerId, isIt: boolean): void;
  /** Changes how a known node is seen; nothing happens where it is seen so already. */
  setState(peer: PeerId, state: NodeViewState): void;
  /** Marks a suspected node as confirmed, or takes that back; other states carry their own answer. */
  confirm(peer: PeerId, confirmed: boolean): void;
  remove(peer: PeerId): void;
};

type PlacedEntry = { readonly slot: VaultSlot; readonly capacity: number };
type Known = { view: NodeView; readonly vaults: Map<VaultName, PlacedEntry> };

/** No nodes yet. `wallMs` dates the changes; `beforePick` is called before each pick and may change views. */
export function createNodeViews(
  network: { readonly placeUnit: number },
  wallMs: () => number,
  beforePick: () => void = () => {},
): NodeViews {
  const known = new Map<PeerId, Known>();
  const index = createPlaceIndex(network);
  const listeners = new Set<(peer: PeerId) => void>();
  const announce = (peer: PeerId): void => {
    for (const listener of [...listeners]) listener(peer);
  };

  const putRecord = (record: NodeRecord, state: NodeViewState, stranger = false): void => {
    const before = known.get(record.peerId);
    const fresh = { state, since: wallMs(), confirmed: saysGoodbye(state), ...(stranger ? strange : {}) };
    const view = { ...(before?.view ?? fresh), record };
    const node: Known = before ?? { view, vaults: new Map() };
    if (before !== undefined && movedDomain(before.view.record, record)) clear(index, before);
    node.view = view;
    known.set(record.peerId, node);
    replace(index, node);
    announce(record.peerId);
  };
  const setState = (peer: PeerId, state: NodeViewState): void => {
    const node = known.get(peer);
    if (node === undefined || node.view.state === state) return;
    const remains = isStranger(node.view) ? strange : {};
    node.view = { record: node.view.record, state, since: wallMs(), confirmed: saysGoodbye(state), ...remains };
    replace(index, node);
    announce(peer);
  };
  const setStranger = (peer: PeerId, isIt: boolean): void => {
    const node = known.get(peer);
    if (node === undefined || isStranger(node.view) === isIt) return;
    const { record, state, since, confirmed } = node.view;
    node.view = { record, state, since, confirmed, ...(isIt ? strange : {}) };
    replace(index, node);
    announce(peer);
  };
  const confirm = (peer: PeerId, confirmed: boolean): void => {
    const node = known.get(peer);
    if (node?.view.state !== "suspected" || node.view.confirmed === confirmed) return;
    node.view = { ...node.view, confirmed };
    announce(peer);
  };
  const remove = (peer: PeerId): void => {
    const node = known.get(peer);
    if (node === undefined) return;
    clear(index, node);
    known.delete(peer);
    announce(peer);
  };
  const closest = (address: Address, k: number, purpose: PlacementPurpose): Placement => {
    beforePick();
    const { vaults, short } = index.closest(address, k, purpose);
    const holders = vaults.map(({ vault, node }) => holderOf(known.get(node as PeerId), vault)).filter((holder) => holder !== undefined);
    return { holders, short };
  };
  const onChange = (listener: (peer: PeerId) => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const directory: Directory = {
    closest,
    nodes: () => [...known.values()].map(({ view }) => view),
    node: (peer) => known.get(peer)?.view,
    onChange,
  };
  return { directory, putRecord, setStranger, setState, confirm, remove };
}

const strange = { stranger: true } as const;

/** These states come from the node's own goodbye. */
function saysGoodbye(state: NodeViewState): boolean {
  return state === "away" || state === "gone";
}

function holderOf(node: Known | undefined, vault: VaultName): Holder | undefined {
  const entry = node?.view.record.vaults.find(({ name }) => name === vault);
  return node === undefined || entry === undefined ? undefined : { peer: node.view.record.peerId, vault, entry, state: node.view.state };
}

/** For what a vault may be chosen: nodes that are not live only where nobody is left out. */
function purposesOf(node: NodeViewState, vault: VaultState): number {
  if (node !== "live") return purposeBits.all;
  const reads = servesReads(vault) ? purposeBits.read + (vault === "joining" ? 0 : purposeBits.settled) : 0;
  return purposeBits.all + (takesNewChunks(vault) ? purposeBits.write : 0) + reads;
}

function movedDomain({ domain: a }: NodeRecord, { domain: b }: NodeRecord): boolean {
  return a.zone !== b.zone || a.host !== b.host;
}

/** Brings the index in line with a node's record and state; a node that is gone, or a stranger, has no places. */
function replace(index: PlaceIndex, node: Known): void {
  const { record, state } = node.view;
  const wanted = new Map(state === "gone" || isStranger(node.view) ? [] : record.vaults.map((entry) => [entry.name, entry]));
  for (const [name, { slot, capacity }] of node.vaults) {
    if (wanted.get(name)?.capacity === capacity) continue;
    index.remove(slot);
    node.vaults.delete(name);
  }
  for (const entry of wanted.values()) placeVault(index, node, entry);
}

function placeVault(index: PlaceIndex, node: Known, entry: VaultEntry): void {
  const { record, state } = node.view;
  const purposes = purposesOf(state, entry.state);
  const placed = node.vaults.get(entry.name);
  if (placed !== undefined) {
    index.setPurposes(placed.slot, purposes);
    return;
  }
  const { zone, host } = record.domain;
  const slot = index.add({ vault: entry.name, node: record.peerId, zone, host, capacity: entry.capacity, purposes });
  node.vaults.set(entry.name, { slot, capacity: entry.capacity });
}

function clear(index: PlaceIndex, node: Known): void {
  for (const { slot } of node.vaults.values()) index.remove(slot);
  node.vaults.clear();
}
