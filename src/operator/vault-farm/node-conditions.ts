// The conditions of one vault node at one look.
import { type ConditionNow, nodeCondition } from "../api/conditions.ts";
import { leavingOf } from "./node-roles.ts";
import type { ObservedNode } from "./observed.ts";

/** All conditions of a node, each known or Unknown. */
export function nodeConditionsOf(node: ObservedNode): readonly ConditionNow[] {
  return [readiness(node), draining(node)];
}

function readiness(node: ObservedNode): ConditionNow {
  const { state, formerPeerId, peerId, desired, report, awaySinceMs } = node;
  if (formerPeerId !== undefined) return nodeCondition("Ready", "IdentityChanged", { found: peerId ?? "none", known: formerPeerId });
  if (desired === "Fenced") return nodeCondition("Ready", "FencedOff");
  if (desired === "Offline" && state.kind === "down") return nodeCondition("Ready", "Stopped");
  if (awaySinceMs !== undefined) return nodeCondition("Ready", "NotScheduled", { why: whyAway(node) });
  if (state.kind === "ready") return report === undefined ? nodeCondition("Ready", "NotReachable") : nodeCondition("Ready", "Running");
  return state.kind === "starting" ? nodeCondition("Ready", "Starting") : nodeCondition("Ready", "NotRunning");
}

function whyAway({ hostState, volume, host }: ObservedNode): string {
  if (volume === "absent") return "its volume is gone";
  return hostState === "gone" ? `machine ${host} is gone or does not answer` : "no machine takes it, or its volume cannot be used";
}

function draining(node: ObservedNode): ConditionNow {
  if (leavingOf(node) === undefined && node.assigned.released !== true) return nodeCondition("Draining", "Staying");
  const { evidence, report } = node;
  if (node.assigned.released === true || evidence?.first !== undefined) return nodeCondition("Draining", "ProvingCopies");
  const { problem } = evidence ?? {};
  if (problem?.short !== undefined && problem.short > 0) return nodeCondition("Draining", "HandingOver", { left: problem.short });
  if (report === undefined) return nodeCondition("Draining", "Blocked", { why: "it does not answer" });
  return problem === undefined
    ? nodeCondition("Draining", "HandingOver", { left: "some" })
    : nodeCondition("Draining", "Blocked", { why: problem.why });
}
