// `closest`: which vaults hold an address. Vaults in XOR order of their nearest place, at most one a node, spread over
// zones and hosts; the same for everyone who knows the same vaults, in whatever order they were learned. Pure.
import type { Address } from "./address.ts";
import { createFailureDomains, hostLevel, type PlacedNode, type Purpose, purposeBits, type Zone } from "./failure-domains.ts";
import type { VaultName } from "./keys.ts";
import { visitPlaceKeys } from "./place-hash.ts";
import { addressKey, createPlacePages } from "./place-pages.ts";
import { placeCount } from "./places.ts";

export { type Purpose, purposeBits } from "./failure-domains.ts";

/** A vault to be placed: its node (any text that names it), the node's zone and host, its capacity in bytes, and for what it may be chosen (`purposeBits`). */
export type PlacedVault = {
  readonly vault: VaultName;
  readonly node: string;
  readonly zone: string;
  readonly host: string;
  readonly capacity: number;
  readonly purposes: number;
};

/** What `add` gave a vault, to change or remove it. */
export type VaultSlot = number;

/** A chosen vault. */
export type ClosestVault = { readonly vault: VaultName; readonly node: string };

/** Chosen vaults, nearest first; `short`: there were too few nodes for k, or too few in other zones for an even spread. */
export type ClosestVaults = { readonly vaults: readonly ClosestVault[]; readonly short: "none" | "nodes" | "zones" };

export type PlaceIndex = {
  /** Places a vault. All vaults of one node name the same zone and host. */
  add(vault: PlacedVault): VaultSlot;
  remove(slot: VaultSlot): void;
  /** Changes for what a vault may be chosen; far cheaper than removing and adding it. */
  setPurposes(slot: VaultSlot, purposes: number): void;
  /** The k vaults for an address: no zone holds more than ceil(k / zones), no host more than its even part of its zone, while others could. */
  closest(address: Address, k: number, purpose: Purpose): ClosestVaults;
  /** Vaults placed, and the bytes of their places. */
  size(): { readonly vaults: number; readonly placeBytes: number };
};

type Slot = { readonly vault: VaultName; readonly node: PlacedNode; readonly places: number; purposes: number };

/** An empty index. `placeUnit` (bytes a place) and `seed` are the network's. */
export function createPlaceIndex(network: { readonly placeUnit: number; readonly seed?: Uint8Array }): PlaceIndex {
  const slots: (Slot | undefined)[] = [];
  const free: VaultSlot[] = [];
  const domains = createFailureDomains();
  const seed = network.seed ?? new Uint8Array(0);
  const pages = createPlacePages((a, b) => isBefore(slots[a], slots[b]));
  const add = ({ vault, node, zone, host, capacity, purposes }: PlacedVault): VaultSlot => {
    const placed = { vault, node: domains.enter(node, zone, host), places: placeCount(capacity, network.placeUnit), purposes };
    domains.change(placed.node, 0, purposes);
    const slot = free.pop() ?? slots.length;
    slots[slot] = placed;
    visitPlaceKeys({ name: vault, count: placed.places }, seed, (high, low) => pages.insert(high, low, slot));
    return slot;
  };
  const remove = (slot: VaultSlot): void => {
    const placed = slots[slot];
    if (placed === undefined) return;
    visitPlaceKeys({ name: placed.vault, count: placed.places }, seed, (high, low) => pages.remove(high, low, slot));
    domains.change(placed.node, placed.purposes, 0);
    domains.leave(placed.node);
    slots[slot] = undefined;
    free.push(slot);
  };
  const setPurposes = (slot: VaultSlot, purposes: number): void => {
    const placed = slots[slot];
    if (placed === undefined || placed.purposes === purposes) return;
    domains.change(placed.node, placed.purposes, purposes);
    placed.purposes = purposes;
  };
  const closest = (address: Address, k: number, purpose: Purpose): ClosestVaults => {
    const levels = domains.levels(k, purpose);
    if (levels.count === 0) return { vaults: [], short: levels.short };
    const chooser = createChooser(levels, purpose);
    pages.walk(addressKey(address), (slot) => chooser.consider(slots[slot]));
    return { vaults: chooser.chosen.map(({ vault, node }) => ({ vault, node: node.id })), short: levels.short };
  };
  return { add, remove, setPurposes, closest, size: () => ({ vaults: slots.length - free.length, placeBytes: pages.bytes() }) };
}

type Chooser = { readonly chosen: readonly Slot[]; consider(slot: Slot | undefined): boolean };

/** Takes what is shown to it, nearest first, as far as the levels allow; `consider` is true once enough are chosen. */
function createChooser(levels: { readonly count: number; readonly zone: number }, purpose: Purpose): Chooser {
  const chosen: Slot[] = [];
  const hostLevels = new Map<Zone, number>();
  const hostLevelOf = (zone: Zone): number => {
    const level = hostLevels.get(zone) ?? hostLevel(zone, levels.zone, purpose);
    hostLevels.set(zone, level);
    return level;
  };
  const fits = ({ host }: PlacedNode): boolean => {
    let inZone = 0;
    let onHost = 0;
    for (const { node } of chosen) {
      if (node.host === host) onHost += 1;
      if (node.host.zone === host.zone) inZone += 1;
    }
    return inZone < levels.zone && (onHost === 0 || onHost < hostLevelOf(host.zone));
  };
  const consider = (slot: Slot | undefined): boolean => {
    if (slot === undefined || (slot.purposes & purposeBits[purpose]) === 0) return false;
    if (chosen.some(({ node }) => node === slot.node) || !fits(slot.node)) return false;
    chosen.push(slot);
    return chosen.length === levels.count;
  };
  return { chosen, consider };
}

function isBefore(a: Slot | undefined, b: Slot | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return a.vault !== b.vault ? a.vault < b.vault : a.node.id < b.node.id;
}
