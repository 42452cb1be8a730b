// What a farm should do next: from what is wanted and what is seen to a list of actions, each with its reason. Pure: the
// local farm carries the actions out as processes, a cluster's operator as pods.
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { holdsNothing, serves, shouldRun, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { planCount, planHeldUp } from "./plan-count.ts";
import { planGrowth } from "./plan-growth.ts";
import { planMembers, planStop, runOnDoomed } from "./plan-members.ts";
import { planShrink } from "./plan-shrink.ts";
import { planTurn, turnOf } from "./plan-stop.ts";
import { decideByProof, type PlanMoment, type StopDecider } from "./stop-moment.ts";

/**
 * The actions that bring `observed` nearer to `goal` at `nowMs`, most urgent first; none once everything is as wanted. At
 * most one of them stops a node or takes one away, unless the whole farm is to stop.
 */
export function planFarm(
  goal: FarmGoal,
  observed: ObservedFarm,
  nowMs: number,
  decide: StopDecider = decideByProof,
): readonly FarmAction[] {
  if (goal.paused) return [];
  if (!observed.complete) return [{ kind: "wait", why: "not everything that exists has been read yet" }];
  if (goal.running) return planRunning({ goal, observed, nowMs, decide });
  const doomed = runOnDoomed(observed);
  return doomed.length === 0 ? planStop(observed) : planBeforeSleep(doomed, { goal, observed, nowMs, decide });
}

// A deleted claim goes with its pod, and what is on it too: whoever has one hands over before the farm sleeps, among those that
// there are. Nobody is made for it but where they are fewer than copies.min.
function planBeforeSleep(doomed: readonly ObservedNode[], moment: PlanMoment): readonly FarmAction[] {
  const kept = moment.observed.nodes.filter((node) => stays(node) && node.volume !== "terminating" && !holdsNothing(node)).length;
  const goal = { ...moment.goal, running: true, nodes: Math.max(kept, moment.goal.copies.min) };
  const why = "the farm is to stop, and its claim is being deleted: what it holds would go with its pod, so it hands over first";
  return [...doomed.map(({ name }): FarmAction => ({ kind: "wait", name, why })), ...planRunning({ ...moment, goal })];
}

function planRunning({ goal, observed, nowMs, decide }: PlanMoment): readonly FarmAction[] {
  const turn = turnOf({ goal, observed, nowMs });
  const count = planCount(goal, observed, nowMs);
  // One decision at a time: whom to rebuild is asked once the count is as it should be.
  const sizes = [...(count.length > 0 ? [] : planShrink(goal, observed, nowMs)), ...planGrowth(goal, observed)];
  // What is decided anew is carried out at the next look, from what was remembered of it.
  const decided = new Set([...count, ...sizes].flatMap((action) => (action.kind === "assign-node" ? [action.name] : [])));
  const next = turn === undefined || decided.has(turn.node.name) ? undefined : turn;
  const step = next === undefined ? [] : planTurn(next, { goal, observed, nowMs, decide });
  return [
    ...onePerNode([...count, ...sizes]),
    ...missingGateways(goal, observed),
    ...planMembers(goal, observed, nowMs, next),
    ...planHeldUp(goal, observed, nowMs),
    ...step,
    ...planFounding(goal, observed),
  ];
}

// Two decisions on one node would overwrite each other: the later one waits for the next look.
function onePerNode(actions: readonly FarmAction[]): readonly FarmAction[] {
  const seen = new Set<string>();
  return actions.filter((action) => {
    if (action.kind !== "assign-node") return true;
    if (seen.has(action.name)) return false;
    seen.add(action.name);
    return true;
  });
}

function missingGateways(goal: FarmGoal, { gateways }: ObservedFarm): readonly FarmAction[] {
  const missing = Math.max(0, goal.gateways - gateways.length);
  return Array.from({ length: missing }, () => ({ kind: "create-gateway", why: `${missing} more gateways wanted than there are` }));
}

// Once, when all that are wanted are there: two first certificates would be two truths.
function planFounding(goal: FarmGoal, observed: ObservedFarm): readonly FarmAction[] {
  if (observed.founded || !farmIsReady(goal, observed)) return [];
  return [{ kind: "found-network", why: "all nodes are ready, and none is confirmed yet" }];
}

/** Whether the plan is carried out: nothing left to do, and every wanted member ready. */
export function farmIsReady(goal: FarmGoal, observed: ObservedFarm): boolean {
  const readyNodes = observed.nodes.filter((node) => shouldRun(node) && serves(node) && node.granted).length;
  const readyGateways = observed.gateways.filter(({ state }) => state.kind === "ready").length;
  return readyNodes >= goal.nodes && readyGateways >= goal.gateways;
}
