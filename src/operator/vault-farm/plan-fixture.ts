// Goals, nodes and farms for the tests of the plan, each what is ordinary but for what a test names.
import { type Address, parseAddress } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { FarmGoal } from "./goal.ts";
import { volumeBytesFor } from "./node-roles.ts";
import type { MemberState, NodeReport, ObservedFarm, ObservedNode } from "./observed.ts";

const gib = 2 ** 30;

/** The template that ordinary nodes run with, and the network they are of. */
export const template = "template-1";
export const networkId: Address = parseAddress("ab".repeat(32)) as Address;

/** A goal of `change`, else of five running nodes in a cluster. */
export function goalWith(change: Partial<FarmGoal> = {}): FarmGoal {
  return {
    nodes: 5,
    gateways: 0,
    running: true,
    restart: true,
    paused: false,
    copies: { min: 4, target: 5, max: 8 },
    zones: [],
    template,
    vaultsPerNode: 1,
    vaultCapacity: gib,
    keepFree: 0.05,
    repairDelayMs: 300_000,
    lostAfterMs: 1_800_000,
    reclaimPolicy: "Retain",
    ...change,
  };
}

/** The identity of the node of this name. */
export function idOf(name: string): PeerId {
  return `peer-${name}` as PeerId;
}

export const ready: MemberState = { kind: "ready", sinceMs: 0 };

/** What an ordinary node says of itself. */
export const report: NodeReport = { admin: "active", joined: true, declared: gib, used: 0, chunks: 0, score: 1 };

/** A node that is ready and says nothing, as on a local farm. */
export function node(name: string, fields: Partial<ObservedNode> = {}): ObservedNode {
  return {
    name,
    state: ready,
    peerId: idOf(name),
    addressed: true,
    granted: true,
    peersTold: [],
    zone: "",
    host: "",
    hostState: "fine",
    createdMs: 0,
    byHand: false,
    desired: "Active",
    deleting: false,
    assigned: {},
    volume: "bound",
    volumeBytes: volumeBytesFor(1, gib),
    ...fields,
  };
}

/** A node of a cluster: it answers, runs with what is wanted, and knows the others of `names`. */
export function podNode(name: string, names: readonly string[] = [], fields: Partial<ObservedNode> = {}): ObservedNode {
  return node(name, { report, runsWith: { template, capacity: gib }, peersTold: names, host: `host-${name}`, ...fields });
}

/** A farm of these nodes whose copies are all there. */
export function farmOf(nodes: readonly ObservedNode[], change: Partial<ObservedFarm> = {}): ObservedFarm {
  const copies = { belowMin: 0, lowest: Number.POSITIVE_INFINITY, sinceMs: 0 };
  return { complete: true, networkId, founded: true, replacingElsewhere: [], zones: [], copies, nodes, gateways: [], ...change };
}
