// How a node goes that was released: looked at once more where it still runs, stopped, and taken away with its record. Whatever speaks
// against it meanwhile keeps it.
import { stopPairAgeMax } from "../../protocol/stop-decision.ts";
import type { FarmAction } from "./actions.ts";
import { holdsNothing, isKeptApart, isLost } from "./node-roles.ts";
import type { ObservedNode, StopEvidence } from "./observed.ts";
import { assign } from "./plan-count.ts";
import { candidatesFor, disturbed, isEnding, judgeLooks, type PlanMoment, wait, waitForCopies } from "./stop-moment.ts";
import { isWhole, uncounted } from "./wholeness.ts";

/**
 * The next step of a released node. First the process, then what it kept, then its record: cut short anywhere, the node is still
 * released and this goes on. What was proven holds while the others serve: when one fails meanwhile, the node is kept, and proven again later.
 */
export function planRelease(node: ObservedNode, moment: PlanMoment): readonly FarmAction[] {
  const { goal, observed, nowMs } = moment;
  const { name, state, hostState } = node;
  const lost = isLost(node, goal, nowMs);
  const mayLose = !holdsNothing(node);
  const others = mayLose ? disturbed(moment, node) : [];
  if (others.length > 0) return planWhileDisturbed(node, moment, others);
  // Of these nothing was proven, or nobody can prove it again, but that the living have all copies, which has to be so still.
  if (mayLose && (lost || isKeptApart(node)) && !isWhole(observed, goal, nowMs))
    return [waitForCopies(node, moment, lost ? "it is lost" : "nobody can check what it holds")];
  if (isEnding(node)) return [wait(node, "it is stopping")];
  const held = mayLose && !lost && !isKeptApart(node) ? planLastLook(node, moment) : [];
  if (held.length > 0) return held;
  if (state.kind !== "down" && hostState !== "gone") return [{ kind: "stop-node", name, why: "its copies are proven to exist elsewhere" }];
  const volume = goal.reclaimPolicy === "Delete" ? "delete" : "keep";
  return [{ kind: "remove-node", name, volume, why: `it is released; spec.storage.reclaimPolicy is ${goal.reclaimPolicy}` }];
}

// One that runs is kept. One that was stopped on its proof is started again for copies that are missing, and for nothing else: its machine
// may take no pods any more, and while it is down it is in the way of all others. Nothing of it is removed before the others serve.
function planWhileDisturbed(node: ObservedNode, { goal, observed, nowMs }: PlanMoment, others: readonly string[]): readonly FarmAction[] {
  const named = others.join(", ");
  if (isLost(node, goal, nowMs)) return [wait(node, `it is lost; ${uncounted(observed, goal) ?? `${named} must be ready first`}`)];
  const isStopped = node.state.kind === "down" || isEnding(node);
  if (isStopped && (observed.copies?.belowMin ?? 0) === 0) return [wait(node, `it is stopped and goes once ${named} is ready again`)];
  return [assign(node, { released: undefined }, `${named} failed meanwhile, so it is kept`)];
}

// It tells the others that it leaves for good by a proof, of which an operator that has just begun knows nothing, and which is soon too
// old. Where nobody can make one again, it was released with proof, and goes; where the new one speaks against it, it is kept. One
// whose answer was lost is asked at the next look: nothing was said for it.
function planLastLook(node: ObservedNode, moment: PlanMoment): readonly FarmAction[] {
  const { name, state, report, evidence } = node;
  // It ended by our hand after its last look.
  if (state.kind === "down" || state.kind === "stopping") return [];
  const among = candidatesFor(node, moment.observed).map((other) => other.name);
  const last = lastLook(evidence, among, moment);
  if (last === undefined) {
    if (report === undefined) return [wait(node, "it does not answer, and is asked once more before it goes")];
    const why = evidence?.problem?.unfinished === true ? evidence.problem.why : "its copies are proven to exist elsewhere";
    return [{ kind: "prove-node", name, purpose: "removal", among, keep: false, why: `${why}, and it says goodbye with a new proof` }];
  }
  const objection = objectionOf(node, last, moment);
  return objection === undefined ? [] : [assign(node, { released: undefined }, `${objection}, so it is kept`)];
}

/** What is known by a look for its going that was brought to its end, among those that serve now, and is young. */
function lastLook(
  evidence: StopEvidence | undefined,
  among: readonly string[],
  { nowMs }: Pick<PlanMoment, "nowMs">,
): StopEvidence | undefined {
  if (evidence?.purpose !== "removal" || evidence.problem?.unfinished === true || evidence.among.join() !== among.join()) return undefined;
  const latest = evidence.second ?? evidence.first;
  return latest === undefined || nowMs - latest.takenAtMs <= stopPairAgeMax ? evidence : undefined;
}

// That the two looks are one is no objection: the two for its release were taken before.
function objectionOf(node: ObservedNode, { first, second = first, problem }: StopEvidence, moment: PlanMoment): string | undefined {
  if (second === undefined) return problem?.obstacle === undefined ? undefined : problem.why;
  const decision = judgeLooks({ node, purpose: "removal", first: second, second }, moment);
  return decision.ok || decision.obstacle === "too-soon" ? undefined : decision.why;
}
