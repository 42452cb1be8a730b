// The lasting view: who should keep a chunk. Unlike the directory's answers for reads and writes it keeps a node that is
// silent until the repair delay has passed, so that a short absence moves nothing; nodes that leave or drain are out at once.
import { type Directory, isStranger, type NodeView } from "../../network/directory.ts";
import type { Address } from "../../protocol/address.ts";
import { createPlaceIndex, type PlaceIndex, purposeBits, type VaultSlot } from "../../protocol/closest.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { VaultEntry } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { takesNewChunks, type VaultState } from "../../protocol/states.ts";
import { type CopyTier, copyTiers, tierOf, tierPurpose, tiersAfter } from "./copy-tier.ts";
import type { Keeper } from "./plan-chunk.ts";
import type { RepairDelays } from "./replication-limits.ts";
import { createSilences } from "./silences.ts";

/** Which nodes count differently than before, and for chunks of which tiers. */
export type ViewChanges = ReadonlyMap<PeerId, ReadonlySet<CopyTier>>;

export type KeepView = {
  /** The vaults that may keep a chunk, best first, at most one a node: the closest `target`, then the wider circle. */
  keepers(address: Address, tier: CopyTier): readonly Keeper[];
  /** The nodes next to an address that answer now, whether they are to keep it or not, nearest first. */
  answering(address: Address): readonly PeerId[];
  /** The nodes next to an address, whether they answer or not, nearest first. */
  around(address: Address): readonly PeerId[];
  /** A node as keeper of what it holds already; undefined where copies there do not count. */
  keeperAt(peer: PeerId): Keeper | undefined;
  isHere(peer: PeerId): boolean;
  isTrusted(peer: PeerId): boolean;
  /** The vaults that take new chunks now, as their records say. */
  taking(): ReadonlySet<VaultName>;
  /** How long until the next silent node no longer counts for chunks of a tier; undefined where nobody is silent. */
  nextLossMs(tier: CopyTier): number | undefined;
  /** Looks which delays have passed. */
  tick(): void;
  /** What changed since it was last taken; nodes that are gone are forgotten with the call after. */
  takeChanges(): ViewChanges;
  /** Gives changes back that were not dealt with. */
  giveBack(changes: ViewChanges): void;
  /** Whether these changes may mean something for a chunk; for one that is `roomless`, found no vault to take it, also those far out. */
  concerns(address: Address, changes: ViewChanges, roomless: boolean): boolean;
  /** This machine slept: nobody has been silent. */
  forgive(): void;
  stop(): void;
};

export type KeepViewParts = {
  readonly directory: Directory;
  readonly policy: CopiesPolicy;
  readonly placeUnit: number;
  readonly delays: RepairDelays;
  readonly circle: number;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Nodes whose claims do not count; absent: all are believed. */
  distrusted?(): ReadonlySet<PeerId>;
};

type Placed = { readonly slot: VaultSlot; readonly capacity: number };
type Known = { view: NodeView | undefined; readonly vaults: Map<VaultName, Placed>; domain: string; tiers: ReadonlySet<CopyTier> };

// Chunks just outside the closest `target` are looked at too: changes that come together displace one another.
const slack = 3;

/** The view of a directory, kept up to date until `stop`. */
export function createKeepView(parts: KeepViewParts): KeepView {
  const { directory, policy, circle } = parts;
  const index = createPlaceIndex(parts);
  const silences = createSilences(parts.nowMs);
  const known = new Map<PeerId, Known>();
  let changes = new Map<PeerId, Set<CopyTier>>();
  let distrusted: ReadonlySet<PeerId> = new Set();
  const note = (peer: PeerId, tiers: Iterable<CopyTier>): void => {
    const noted = changes.get(peer) ?? new Set();
    for (const tier of tiers) noted.add(tier);
    if (noted.size > 0) changes.set(peer, noted);
  };
  const place = (peer: PeerId): void => {
    const view = counted(directory.node(peer));
    silences.see(peer, view);
    const node: Known = known.get(peer) ?? { view, vaults: new Map(), domain: domainOf(view), tiers: new Set() };
    const before = { tiers: node.tiers, kept: keptOf(node.view), joins: joinOf(node.view) };
    node.view = view;
    node.tiers = tiersOf(view, silences.silentMs(peer), parts.delays);
    known.set(peer, node);
    replace(index, peer, node);
    if (keptOf(view) !== before.kept || (joinOf(view) !== undefined && joinOf(view) !== before.joins)) note(peer, copyTiers);
    note(peer, symmetricDifference(before.tiers, node.tiers));
  };
  const { keeperOf, chosen, nearest, isHere } = createChoice(index, known, (peer) => distrusted.has(peer));
  const forget = directory.onChange(place);
  for (const { record } of directory.nodes()) place(record.peerId);
  const tick = (): void => {
    for (const [peer, node] of known) if (node.view?.state !== "live") place(peer);
    const before = distrusted;
    distrusted = parts.distrusted?.() ?? before;
    for (const peer of symmetricDifference(before, distrusted)) note(peer, copyTiers);
  };
  return {
    keepers: (address, tier) => {
      const close = chosen(address, policy.target, tier);
      const taken = new Set(close.map(({ peer }) => peer));
      return [...close, ...chosen(address, circle, tier).filter(({ peer }) => !taken.has(peer))];
    },
    answering: (address) => nearest(address, circle).filter(isHere),
    around: (address) => nearest(address, circle),
    keeperAt: (peer) => {
      const node = known.get(peer);
      const entry = isGone(node?.view) || distrusted.has(peer) ? undefined : node?.view?.record.vaults.find(({ state }) => isKept(state));
      return entry === undefined ? undefined : keeperOf(peer, entry.name);
    },
    isHere,
    isTrusted: (peer) => !distrusted.has(peer),
    taking: () => new Set([...known].flatMap(([peer, { view }]) => (distrusted.has(peer) ? [] : takingOf(view)))),
    nextLossMs: (tier) => silences.nextMs(parts.delays[tier]),
    tick,
    takeChanges: () => {
      const taken = changes;
      changes = new Map();
      for (const [peer, node] of known) if (isGone(node.view) && !taken.has(peer)) drop(index, known, peer);
      return taken;
    },
    giveBack: (back) => {
      for (const [peer, tiers] of back) note(peer, tiers);
    },
    concerns: (address, what, roomless) => {
      const expected = chosen(address, policy.target, "enough").filter(({ here }) => here).length;
      return isNear(nearest(address, roomless ? circle : policy.target + slack), what, tierOf(expected, policy.min));
    },
    forgive: silences.forgive,
    stop: forget,
  };
}

type Choice = {
  /** A vault of a node, as one that keeps; undefined where it is not known. */
  keeperOf(peer: PeerId, vault: VaultName): Keeper | undefined;
  /** The `k` that should keep a chunk of this tier, closest first. */
  chosen(address: Address, k: number, tier: CopyTier): readonly Keeper[];
  /** The `k` nodes closest to a chunk, whatever state they are in. */
  nearest(address: Address, k: number): readonly PeerId[];
  isHere(peer: PeerId): boolean;
};

function createChoice(index: PlaceIndex, known: ReadonlyMap<PeerId, Known>, isDistrusted: (peer: PeerId) => boolean): Choice {
  const keeperOf = (peer: PeerId, vault: VaultName): Keeper | undefined => {
    const view = known.get(peer)?.view;
    const entry = view?.record.vaults.find(({ name }) => name === vault);
    if (view === undefined || entry === undefined) return undefined;
    const { state } = entry;
    return { peer, vault, here: view.state === "live", takes: takesNewChunks(state), joining: state === "joining" };
  };
  return {
    keeperOf,
    chosen: (address, k, tier) =>
      index
        .closest(address, k, tierPurpose[tier])
        .vaults.map(({ node, vault }) => keeperOf(node as PeerId, vault))
        .filter((keeper) => keeper !== undefined)
        .filter(({ peer }) => !isDistrusted(peer)),
    nearest: (address, k) => index.closest(address, k, "all").vaults.map(({ node }) => node as PeerId),
    isHere: (peer) => known.get(peer)?.view?.state === "live",
  };
}

/** Whether one of these nodes turned, for chunks of this tier. */
function isNear(near: readonly PeerId[], what: ViewChanges, tier: CopyTier): boolean {
  // What is expected of a tier may be wrong: once a loss counts for chunks with few copies, all that it may concern are counted.
  const turned = [...what].filter(([, tiers]) => tiers.has(tier) || tiers.has("few")).map(([peer]) => peer);
  return turned.some((peer) => near.includes(peer));
}

/** Nobody waits for a node that is only heard of. */
function counted(view: NodeView | undefined): NodeView | undefined {
  return isStranger(view) ? undefined : view;
}

function isGone(view: NodeView | undefined): boolean {
  return view === undefined || view.state === "gone";
}

/** Whether copies in a vault of this state are there to stay. */
function isKept(state: VaultState): boolean {
  return state === "joining" || state === "active" || state === "cordoned";
}

/** The vaults of a node whose copies stay, as text to compare. */
function keptOf(view: NodeView | undefined): string {
  if (view === undefined || isGone(view)) return "";
  return view.record.vaults.flatMap(({ name, state, capacity }) => (isKept(state) ? `${name} ${capacity}` : [])).join();
}

function takingOf(view: NodeView | undefined): readonly VaultName[] {
  if (view?.state !== "live") return [];
  return view.record.vaults.flatMap(({ name, state }) => (takesNewChunks(state) ? [name] : []));
}

/** The start in which a node joins; each must hear for itself that nothing is owed to it. */
function joinOf(view: NodeView | undefined): number | undefined {
  return view?.record.vaults.some(({ state }) => state === "joining") ? view.record.startCounter : undefined;
}

function tiersOf(view: NodeView | undefined, silentMs: number | undefined, delays: RepairDelays): ReadonlySet<CopyTier> {
  if (isGone(view)) return new Set();
  return new Set(silentMs === undefined ? copyTiers : tiersAfter(silentMs, delays));
}

function symmetricDifference<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): readonly T[] {
  return [...new Set([...a, ...b])].filter((one) => a.has(one) !== b.has(one));
}

function domainOf(view: NodeView | undefined): string {
  return view === undefined ? "" : JSON.stringify([view.record.domain.zone, view.record.domain.host]);
}

/** Brings the index in line with a node. Places of a node that is gone stay, for nobody to be chosen, until its chunks were looked at. */
function replace(index: PlaceIndex, peer: PeerId, node: Known): void {
  const { view, vaults } = node;
  if (view === undefined || isGone(view)) {
    for (const { slot } of vaults.values()) index.setPurposes(slot, purposeBits.all);
    return;
  }
  if (domainOf(view) !== node.domain) clear(index, node);
  node.domain = domainOf(view);
  const wanted = new Map(view.record.vaults.map((entry) => [entry.name, entry]));
  for (const [name, { slot, capacity }] of vaults) {
    if (wanted.get(name)?.capacity === capacity) continue;
    index.remove(slot);
    vaults.delete(name);
  }
  for (const entry of wanted.values()) placeVault(index, { peer, node, view }, entry);
}

type Placing = { readonly peer: PeerId; readonly node: Known; readonly view: NodeView };

function placeVault(index: PlaceIndex, { peer, node, view }: Placing, { name, capacity, state }: VaultEntry): void {
  const bits = isKept(state) ? [...node.tiers].map((tier) => purposeBits[tierPurpose[tier]]) : [];
  const purposes = bits.reduce<number>((sum, bit) => sum + bit, purposeBits.all);
  const placed = node.vaults.get(name);
  if (placed !== undefined) return index.setPurposes(placed.slot, purposes);
  const { zone, host } = view.record.domain;
  node.vaults.set(name, { slot: index.add({ vault: name, node: peer, zone, host, capacity, purposes }), capacity });
}

function drop(index: PlaceIndex, known: Map<PeerId, Known>, peer: PeerId): void {
  const node = known.get(peer);
  if (node !== undefined) clear(index, node);
  known.delete(peer);
}

function clear(index: PlaceIndex, { vaults }: Known): void {
  for (const { slot } of vaults.values()) index.remove(slot);
  vaults.clear();
}
