// Counts, for each purpose, the nodes that may be chosen in every zone and host, and from the counts how many of k
// holders one zone or host may have: the levels of the spreading rule.
import { strict as assert } from "node:assert";

/**
 * For what a vault may be chosen; a set of purposes is the sum of their bits. write, read: now. all: whoever is known.
 * settled: for reads, of those that have all that is their own: whom a vault that joins displaces, as if it were not there yet.
 * Those called keep are for keeping copies, which outlasts a short absence: the fewer copies a chunk has, the sooner a
 * silent node is left out (protocol: repairDelay).
 */
export const purposeBits = { write: 1, read: 2, all: 4, keep: 8, keepWhenFew: 16, keepWhenFewest: 32, settled: 64 } as const;
export type Purpose = keyof typeof purposeBits;
const purposes: readonly Purpose[] = ["write", "read", "all", "keep", "keepWhenFew", "keepWhenFewest", "settled"];

type Counts = Record<Purpose, number>;
const noCounts = (): Counts => ({ write: 0, read: 0, all: 0, keep: 0, keepWhenFew: 0, keepWhenFewest: 0, settled: 0 });

/** A zone: how many of its nodes may be chosen, and its hosts. */
export type Zone = { readonly name: string; readonly nodes: Counts; readonly hosts: Map<string, Host>; members: number };
/** A host: how many of its nodes may be chosen. Hosts of one name in two zones are two. */
export type Host = { readonly name: string; readonly zone: Zone; readonly nodes: Counts; members: number };
/** A node: how many of its vaults may be chosen. */
export type PlacedNode = { readonly id: string; readonly host: Host; readonly vaults: Counts; members: number };

/** How many holders there will be, most of them in one zone, and which rule had to give way. */
export type SpreadLevels = { readonly count: number; readonly zone: number; readonly short: "none" | "nodes" | "zones" };

export type FailureDomains = {
  /** The node with this id, made where it is new; once a vault. A node keeps its zone and host for as long as it has vaults. */
  enter(id: string, zone: string, host: string): PlacedNode;
  /** Takes back one `enter`. */
  leave(node: PlacedNode): void;
  /** Changes for which purposes one vault of `node` may be chosen. */
  change(node: PlacedNode, from: number, to: number): void;
  levels(k: number, purpose: Purpose): SpreadLevels;
};

/** No nodes yet. */
export function createFailureDomains(): FailureDomains {
  const zones = new Map<string, Zone>();
  const nodes = new Map<string, PlacedNode>();
  const totals = { nodes: noCounts(), zones: noCounts() };
  const enter = (id: string, zone: string, host: string): PlacedNode => {
    const node = nodes.get(id) ?? newNode(id, hostOf(zones, zone, host));
    assert(node.host.name === host && node.host.zone.name === zone, "a node moved to another failure domain with vaults in place");
    nodes.set(id, node);
    node.members += 1;
    return node;
  };
  const leave = (node: PlacedNode): void => {
    node.members -= 1;
    if (node.members > 0) return;
    nodes.delete(node.id);
    dropEmpty(zones, node.host);
  };
  const change = (node: PlacedNode, from: number, to: number): void => {
    for (const purpose of purposes) {
      const step = Math.sign((to & purposeBits[purpose]) - (from & purposeBits[purpose]));
      if (step === 0 || !turned(node.vaults, purpose, step)) continue;
      totals.nodes[purpose] += step;
      node.host.nodes[purpose] += step;
      if (turned(node.host.zone.nodes, purpose, step)) totals.zones[purpose] += step;
    }
  };
  const levels = (k: number, purpose: Purpose): SpreadLevels => {
    const count = Math.min(k, totals.nodes[purpose]);
    const fair = Math.ceil(k / Math.max(1, totals.zones[purpose]));
    const zone = lowestLevel(zones.values(), { purpose, fair, wanted: count });
    return { count, zone, short: count < k ? "nodes" : zone > fair ? "zones" : "none" };
  };
  return { enter, leave, change, levels };
}

/** Most holders on one host of `zone`, where the zone may have `zoneLevel` of them: no host has more while another of its zone could take one. */
export function hostLevel(zone: Zone, zoneLevel: number, purpose: Purpose): number {
  const wanted = Math.min(zoneLevel, zone.nodes[purpose]);
  let hosts = 0;
  for (const host of zone.hosts.values()) {
    if (host.nodes[purpose] > 0) hosts += 1;
    if (hosts >= wanted) break;
  }
  return lowestLevel(zone.hosts.values(), { purpose, fair: Math.ceil(wanted / Math.max(1, hosts)), wanted });
}

type LevelRule = { readonly purpose: Purpose; readonly fair: number; readonly wanted: number };

/** The lowest level from `fair` on at which domains, none holding more than it, hold `wanted` together. */
function lowestLevel(domains: Iterable<{ readonly nodes: Counts }>, { purpose, fair, wanted }: LevelRule): number {
  const sizes: number[] = [];
  let held = 0;
  for (const { nodes } of domains) {
    held += Math.min(fair, nodes[purpose]);
    if (held >= wanted) return fair;
    sizes.push(nodes[purpose]);
  }
  // Only the rare shortage comes here; a level of `wanted` always suffices, since there are that many nodes.
  for (let level = fair + 1; level < wanted; level++)
    if (sizes.reduce((sum, size) => sum + Math.min(level, size), 0) >= wanted) return level;
  return Math.max(fair, wanted);
}

/** Counts a step up or down; whether the domain thereby began or ceased to be eligible. */
function turned(counts: Counts, purpose: Purpose, step: number): boolean {
  counts[purpose] += step;
  return counts[purpose] === (step > 0 ? 1 : 0);
}

function hostOf(zones: Map<string, Zone>, zoneName: string, hostName: string): Host {
  const zone = zones.get(zoneName) ?? { name: zoneName, nodes: noCounts(), hosts: new Map(), members: 0 };
  zones.set(zoneName, zone);
  const host = zone.hosts.get(hostName) ?? { name: hostName, zone, nodes: noCounts(), members: 0 };
  zone.hosts.set(hostName, host);
  return host;
}

function newNode(id: string, host: Host): PlacedNode {
  host.members += 1;
  host.zone.members += 1;
  return { id, host, vaults: noCounts(), members: 0 };
}

function dropEmpty(zones: Map<string, Zone>, host: Host): void {
  host.members -= 1;
  host.zone.members -= 1;
  if (host.members === 0) host.zone.hosts.delete(host.name);
  if (host.zone.members === 0) zones.delete(host.zone.name);
}
