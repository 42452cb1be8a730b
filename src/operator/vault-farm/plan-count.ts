// How many nodes there should be, and which: missing ones are made whatever the farm's health, surplus ones are chosen one
// at a time to leave, and a choice is taken back when the count is raised again before it was carried out.
import type { AssignedSpec } from "../api/vault-node.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { isKeptApart, isLost, isTooLarge, leavingOf, outdatedOf, serves, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { needsRoom } from "./shrink-room.ts";

/** Most nodes made at one look: each is a record, a volume and a pod, and the next look is soon. */
export const createdPerLookMax = 50;

/** Nodes that the plan works towards, and why that is not what is wanted, where it is not. `extra`: why one more is made for a while. */
export type WantedNodes = { readonly count: number; readonly refused?: "fewer-than-copies"; readonly extra?: string };

/**
 * The nodes to work towards. Fewer than copies.min are refused: what is there stays, and nothing new is begun. A farm of exactly min is changed node
 * by node only with one more, which leaves again afterwards; so is every farm whose nodes are rebuilt smaller.
 */
export function wantedNodes(goal: FarmGoal, { nodes }: ObservedFarm): WantedNodes {
  const { min } = goal.copies;
  const staying = nodes.filter(stays);
  if (goal.nodes < min) {
    const kept = nodes.filter((node) => stays(node) || isScaledDown(node)).length;
    return { count: nodes.length === 0 ? 0 : Math.max(min, kept), refused: "fewer-than-copies" };
  }
  if (needsRoom(goal, nodes)) return { count: goal.nodes + 1, extra: "one more is needed before a node is rebuilt with smaller vaults" };
  const changes = goal.nodes === min && staying.some((node) => outdatedOf(node, goal) !== undefined || stopIsWished(node));
  if (!changes) return { count: goal.nodes };
  return { count: goal.nodes + 1, extra: "with exactly copies.min nodes one more is needed before another is started anew" };
}

// A node that a person wants to be stopped, and that runs.
function stopIsWished({ desired, state }: ObservedNode): boolean {
  return desired === "Offline" && state.kind !== "down";
}

function isScaledDown(node: ObservedNode): boolean {
  return leavingOf(node) === "ScaleDown" && node.assigned.released !== true;
}

/** Makes what is missing, and chooses what is to leave. */
export function planCount(goal: FarmGoal, observed: ObservedFarm, nowMs: number): readonly FarmAction[] {
  const revised = [...planLeavers(goal, observed, nowMs)];
  const changed = new Map(revised.map((action) => [action.name, action.assigned]));
  const nodes = observed.nodes.map((node) => ({ ...node, assigned: changed.get(node.name) ?? node.assigned }));
  const { count, extra, refused } = wantedNodes(goal, { ...observed, nodes });
  const missing = count - nodes.filter(stays).length;
  if (missing < 0) return [...revised, ...planVictim(goal, nodes, nowMs, -missing)];
  const kept = nodes.filter(isScaledDown).slice(0, missing);
  const back = kept.map((node) =>
    assign(
      node,
      { leaving: undefined },
      refused === undefined ? `${count} nodes are wanted again` : "fewer nodes than copies.min are refused",
    ),
  );
  return [...revised, ...back, ...createNodes(goal, { ...observed, nodes }, missing - kept.length, extra)];
}

type Assign = FarmAction & { readonly kind: "assign-node" };

// Decisions that follow from where a node is, taken and taken back.
function planLeavers(goal: FarmGoal, observed: ObservedFarm, nowMs: number): readonly Assign[] {
  const { nodes } = observed;
  const open = nodes.filter(({ assigned, deleting }) => assigned.released !== true && !deleting);
  const back = open.flatMap((node) => takeBack(node, goal, nowMs));
  const draining = open
    .filter((node) => node.hostState === "leaving" && stays(node))
    .map((node) => assign(node, { leaving: "HostDrain" }, `its machine ${node.host} is being drained`));
  const doomed = open
    .filter((node) => node.peerId !== undefined && (node.volume === "terminating" || node.volume === "absent") && stays(node))
    .map((node) => assign(node, { leaving: "Replaced" }, `its volume is ${node.volume === "absent" ? "gone" : "being deleted"}`));
  const given = lostOnes(goal, observed, nowMs).map((node) =>
    assign(node, { leaving: "Replaced" }, `it could not run for ${Math.round(goal.lostAfterMs / 60_000)} minutes`),
  );
  return unique([...back, ...doomed, ...draining, ...given]);
}

// One at a time: while one is being replaced, others may still come back. But fewer than copies.min never have all copies, and
// without them the first is never let go.
function lostOnes(goal: FarmGoal, { nodes, replacingElsewhere }: ObservedFarm, nowMs: number): readonly ObservedNode[] {
  const enough = nodes.filter((node) => stays(node) && !isLost(node, goal, nowMs)).length >= goal.copies.min;
  const replacing = replacingElsewhere.length > 0 || nodes.some((node) => leavingOf(node) === "Replaced" && !serves(node));
  if (enough && replacing) return [];
  return nodes.filter((node) => stays(node) && node.desired !== "Offline" && isLost(node, goal, nowMs)).slice(0, 1);
}

/** Says for whom a lost node waits, where it is other farms. */
export function planHeldUp(goal: FarmGoal, observed: ObservedFarm, nowMs: number): readonly FarmAction[] {
  const others = observed.replacingElsewhere;
  if (others.length === 0 || lostOnes(goal, observed, nowMs).length > 0) return [];
  const [next] = lostOnes(goal, { ...observed, replacingElsewhere: [] }, nowMs);
  const why = `it is lost, and replaced once ${others.join(", ")} replaced theirs: one node at a time over all farms of an operator. Where that does not go on, look at the plan there, or pause that farm`;
  return next === undefined ? [] : [{ kind: "wait", name: next.name, why }];
}

function unique(actions: readonly Assign[]): readonly Assign[] {
  return actions.filter(({ name }, i) => actions.findIndex((other) => other.name === name) === i);
}

function takeBack(node: ObservedNode, goal: FarmGoal, nowMs: number): readonly Assign[] {
  const { leaving } = node.assigned;
  if (leaving === "HostDrain" && node.hostState === "fine")
    return [assign(node, { leaving: undefined }, "its machine is no longer drained")];
  const sound = node.volume === "bound" && !isLost(node, goal, nowMs) && serves(node);
  if (leaving === "Shrink" && !isTooLarge(node, goal)) return [assign(node, { leaving: undefined }, "vaults of its size are wanted again")];
  if (leaving === "Replaced" && sound) return [assign(node, { leaving: undefined }, "it came back")];
  return [];
}

/** The action that changes what was decided of a node. */
export function assign(
  { name, assigned }: ObservedNode,
  change: { readonly [K in keyof AssignedSpec]: AssignedSpec[K] | undefined },
  why: string,
): Assign {
  const { leaving, ...rest } = { ...assigned, ...change };
  const next = Object.fromEntries(Object.entries({ ...rest, leaving }).filter(([, value]) => value !== undefined)) as AssignedSpec;
  return { kind: "assign-node", name, assigned: next, why };
}

// One leaves at a time.
function planVictim(goal: FarmGoal, nodes: readonly ObservedNode[], nowMs: number, surplus: number): readonly FarmAction[] {
  const leaving = nodes.find(isScaledDown);
  if (leaving !== undefined) return [];
  const [victim] = victimsInOrder(nodes.filter(stays), goal, nowMs);
  if (victim === undefined) return [];
  return [assign(victim, { leaving: "ScaleDown" }, `${surplus} ${surplus === 1 ? "node is" : "nodes are"} more than wanted`)];
}

/** The staying nodes in the order in which they would leave: unhealthy, emptied by a person, made by hand, of the fullest zone, larger than wanted, lowest score, youngest. Pure. */
export function victimsInOrder(staying: readonly ObservedNode[], goal: FarmGoal, nowMs: number): readonly ObservedNode[] {
  const inZone = countBy(staying.map(({ zone }) => zone));
  const rank = (node: ObservedNode): readonly number[] => [
    healthRank(node, goal, nowMs),
    node.handsOver === true ? 0 : 1,
    node.byHand ? 0 : 1,
    -(inZone.get(node.zone) ?? 0),
    isTooLarge(node, goal) ? 0 : 1,
    node.report?.score ?? 1,
    -node.createdMs,
  ];
  return [...staying].sort((a, b) => compareRanks(rank(a), rank(b)) || (a.name < b.name ? -1 : 1));
}

// Dead ones first; one that a person keeps offline or apart last, for it would have to run to hand over what it holds.
function healthRank(node: ObservedNode, goal: FarmGoal, nowMs: number): number {
  if (isLost(node, goal, nowMs)) return 0;
  if (node.desired === "Offline" || isKeptApart(node)) return 3;
  return serves(node) ? 2 : 1;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function createNodes(goal: FarmGoal, { nodes, zones }: ObservedFarm, missing: number, why?: string): readonly FarmAction[] {
  const dealt = goal.zones.length > 0 ? goal.zones : zones;
  const counts = countBy(nodes.filter(stays).map(({ zone }) => zone));
  return Array.from({ length: Math.min(Math.max(0, missing), createdPerLookMax) }, () => {
    const zone = [...dealt].sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0))[0] ?? "";
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
    return { kind: "create-node", zone, why: why ?? `${missing} more ${missing === 1 ? "node is" : "nodes are"} wanted than there are` };
  });
}
