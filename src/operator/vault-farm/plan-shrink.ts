// Vaults that are to declare less: a volume is never made smaller, so their nodes are rebuilt, one at a time. A node more is made
// first (plan-count.ts); once all answer the largest leaves, with proof as every node that leaves; then the next.
import { writeQuantity } from "../api/quantity.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { answers, madeFor, shouldRun, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { assign, victimsInOrder } from "./plan-count.ts";
import { nodesToRebuild, shrinkProblem, shrinkRoom } from "./shrink-room.ts";

/** Remembers what nodes declare, and chooses the next one to rebuild. */
export function planShrink(goal: FarmGoal, observed: ObservedFarm, nowMs: number): readonly FarmAction[] {
  return [...planNext(goal, observed, nowMs), ...planMemory(goal, observed)];
}

// Their own size stays theirs: whoever started one anew after a smaller one was wanted would have it declare less on the same
// volume. Where the size never fell there is nothing to remember beyond what a node was made with.
function planMemory(goal: FarmGoal, { nodes }: ObservedFarm): readonly FarmAction[] {
  return nodes.filter(stays).flatMap((node) => {
    const { specCapacity } = node.assigned;
    const known = madeFor(node);
    if (specCapacity === undefined && known <= goal.vaultCapacity) return [];
    const next = Math.max(known, goal.vaultCapacity);
    return next === specCapacity ? [] : [assign(node, { specCapacity: next }, `its vaults declare ${writeQuantity(next)} each`)];
  });
}

function planNext(goal: FarmGoal, { nodes }: ObservedFarm, nowMs: number): readonly FarmAction[] {
  const rebuilt = nodesToRebuild(goal, nodes);
  if (rebuilt.length === 0) return [];
  const problem = shrinkProblem(goal, nodes);
  if (problem !== undefined) return [{ kind: "wait", why: problem }];
  const staying = nodes.filter(stays);
  // Whoever leaves goes first; without room for one more nobody does.
  if (staying.length < nodes.length || staying.length <= goal.nodes) return [];
  const many = `${rebuilt.length} ${rebuilt.length === 1 ? "node is" : "nodes are"} to be rebuilt with vaults of ${writeQuantity(goal.vaultCapacity)}`;
  const silent = staying.filter((node) => shouldRun(node) && node.desired !== "Fenced" && !answers(node)).map(({ name }) => name);
  if (silent.length > 0) return [{ kind: "wait", why: `${many}, and ${silent.join(", ")} must be ready first: one node at a time` }];
  if (!shrinkRoom(goal, nodes).complete) return [{ kind: "wait", why: `${many}, and not all nodes have told what they hold` }];
  const victim = nextVictim(rebuilt, victimsInOrder(staying, goal, nowMs));
  return victim === undefined ? [] : [assign(victim, { leaving: "Shrink", specCapacity: madeFor(victim) }, many)];
}

function nextVictim(rebuilt: readonly ObservedNode[], inOrder: readonly ObservedNode[]): ObservedNode | undefined {
  const largest = Math.max(...rebuilt.map(madeFor));
  return inOrder.find((node) => rebuilt.includes(node) && madeFor(node) === largest);
}
