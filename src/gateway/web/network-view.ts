// The network as the gateway tells it, and how it changes: plain data, no page.

import type { CopiesSummary, MembershipSummary, NetworkView, NodeSummary, VaultView } from "../../protocol/network-view.ts";

export type { CopiesSummary as CopiesView, NetworkView, NodeSummary as NodeView, VaultView };

type NodeView = NodeSummary;

/** Something that happened to a node. */
export type NodeNews = { readonly node: NodeView; readonly before: string | undefined; readonly now: string };

/** The view with one node added or replaced, in the order of their names. */
export function withNode(view: NetworkView, node: NodeView): NetworkView {
  const others = view.nodes.filter(({ peerId }) => peerId !== node.peerId);
  return { ...view, nodes: inOrder([...others, node]) };
}

/** The view without a node. */
export function withoutNode(view: NetworkView, peerId: string): NetworkView {
  return { ...view, nodes: view.nodes.filter((node) => node.peerId !== peerId) };
}

/** Nodes by zone, then by address: their places on the map never jump. */
export function inOrder(nodes: readonly NodeView[]): readonly NodeView[] {
  const key = (node: NodeView): string => `${node.zone}\n${node.peerId}`;
  return [...nodes].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Which nodes changed their state between two views. */
export function newsBetween(before: NetworkView | undefined, after: NetworkView): readonly NodeNews[] {
  if (before === undefined) return [];
  const known = new Map(before.nodes.map((node) => [node.peerId, node.state]));
  const seen = new Set(after.nodes.map(({ peerId }) => peerId));
  const changed = after.nodes.filter((node) => known.get(node.peerId) !== node.state);
  const removed = before.nodes.filter((node) => !seen.has(node.peerId) && node.state !== "gone");
  return [
    ...changed.map((node) => ({ node, before: known.get(node.peerId), now: node.state })),
    ...removed.map((node) => ({ node, before: node.state, now: "gone" })),
  ];
}

/** Capacity and use of all vaults on nodes that are live, and of all nodes that are known. */
export function spaceOf(view: NetworkView): { readonly capacity: number; readonly used: number; readonly declared: number } {
  const add = (nodes: readonly NodeView[], of: (vault: VaultView) => number): number =>
    nodes.reduce((sum, { vaults }) => sum + vaults.reduce((inner, vault) => inner + of(vault), 0), 0);
  const live = view.nodes.filter(({ state }) => state === "live");
  return {
    capacity: add(live, ({ capacity }) => capacity),
    used: add(live, ({ used }) => used),
    declared: add(view.nodes, ({ capacity }) => capacity),
  };
}

/** How well the farm can decide together: bad while it cannot, warn where one lost or lying node is too many. */
export function membershipLevel(membership: MembershipSummary): "good" | "warn" | "bad" {
  if (membership.state === "partitioned") return "bad";
  return membership.state === "unfounded" || isWeak(membership) ? "warn" : "good";
}

function isWeak({ confirmed, group }: MembershipSummary): boolean {
  return confirmed > 0 && group.liars === 0;
}

type Warning = { readonly level: "bad" | "warn"; readonly text: string };

function membershipWarnings(membership: MembershipSummary | null, storesFiles: boolean): readonly Warning[] {
  if (membership === null) return [];
  const { state, confirmed, reachable, needed } = membership;
  if (state === "partitioned") {
    const files = storesFiles ? " Files are stored and read all the same." : "";
    const text = `Only ${reachable} of ${confirmed} confirmed nodes are reachable, ${needed} are needed to change which nodes count.${files}`;
    return [{ level: "warn", text }];
  }
  if (!isWeak(membership)) return [];
  const nodes = confirmed === 1 ? "1 node is" : `${confirmed} nodes are`;
  return [{ level: "warn", text: `Only ${nodes} confirmed: the farm tolerates no lying or lost holder of a record. From 4 on it does.` }];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

/** What a person should know, worst first. */
export function warningsOf(view: NetworkView): readonly Warning[] {
  const { copies, nodes } = view;
  const { min, target } = copies.policy;
  const live = nodes.filter(({ state }) => state === "live").length;
  const warnings: Warning[] = [];
  if (nodes.length > 0 && live < min)
    warnings.push({
      level: "bad",
      text: `Only ${live} of the ${min} nodes that every chunk needs are live: nothing can be stored, and some files may not be readable until nodes return.`,
    });
  if (copies.belowMin > 0)
    warnings.push({
      level: "bad",
      text: `${copies.belowMin} chunks have fewer than ${min} live copies. They can still be read from the copies that are left.`,
    });
  else if (copies.belowTarget > 0 && copies.repair.chunks + copies.repair.waiting === 0)
    warnings.push({
      level: "warn",
      text: `${copies.belowTarget} chunks have fewer than the intended ${target} live copies, none fewer than ${min}.`,
    });
  const lost = nodes.length - live;
  if (lost > 0 && live >= min)
    warnings.push({
      level: "warn",
      text:
        lost < min
          ? `${lost} of ${nodes.length} nodes not live. Every stored file can still be read: each chunk lies on at least ${min} nodes.`
          : `${lost} of ${nodes.length} nodes not live: a file whose chunks lie on these alone cannot be read until one returns.`,
    });
  if (live === min && live > 0)
    warnings.push({ level: "warn", text: `No spare node: if one more goes, nothing can be stored until it returns.` });
  if (copies.spread !== undefined && live >= min) warnings.push({ level: "warn", text: sentence(copies.spread.text) });
  return [...warnings, ...membershipWarnings(view.membership, live >= min)];
}
