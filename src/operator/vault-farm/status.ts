// What a farm and its nodes show of themselves: made from what was wanted, seen and decided at one look. Pure; numbers are
// rounded, so that a farm at rest is not written again and again.

import type { ConditionNow } from "../api/conditions.ts";
import { type PlanStep, planStepsMax, type VaultFarmStatus } from "../api/farm-status.ts";
import { type VaultNodeStatus, versionLengthMax } from "../api/vault-node.ts";
import type { FarmAction } from "./actions.ts";
import { farmConditionsOf } from "./farm-conditions.ts";
import type { FarmSeen } from "./farm-look.ts";
import type { FarmGoal } from "./goal.ts";
import { nodeConditionsOf } from "./node-conditions.ts";
import { leavingOf, serves } from "./node-roles.ts";
import type { ObservedNode } from "./observed.ts";
import { roundedBytes, roundedCount } from "./rounded.ts";

/** A status with conditions that have no time and generation yet: `mergeConditions` adds them. */
export type FarmStatusNow = Omit<VaultFarmStatus, "conditions" | "observedGeneration"> & { readonly conditions: readonly ConditionNow[] };
export type NodeStatusNow = Omit<VaultNodeStatus, "conditions" | "observedGeneration"> & { readonly conditions: readonly ConditionNow[] };

/** The status of the farm. What was not wholly read (`complete`: false) is not worth showing: the status of the look before stays. */
export function statusOf(seen: FarmSeen): FarmStatusNow {
  const { goal, observed, actions, selector } = seen;
  const { nodes, copies, networkId } = observed;
  // A farm does not shrink for people because a node was too busy to answer.
  const reports = nodes.flatMap(({ report, lastReport }) => report ?? lastReport ?? []);
  const networkSize = Math.max(0, ...reports.map(({ confirmed }) => confirmed ?? 0));
  return {
    nodes: nodes.length,
    readyNodes: nodes.filter(serves).length,
    vaults: nodes.length * goal.vaultsPerNode,
    selector,
    capacity: roundedBytes(sum(reports.map(({ declared }) => declared * goal.vaultsPerNode))),
    used: roundedBytes(sum(reports.map(({ used }) => used))),
    ...(copies === undefined ? {} : { chunksBelowMin: roundedCount(copies.belowMin) }),
    image: seen.images.runs.image,
    ...(networkId === undefined ? {} : { networkId }),
    ...(networkSize === 0 ? {} : { networkSize }),
    conditions: farmConditionsOf(seen),
    plan: planSteps(actions),
  };
}

/** The status of one node. */
export function nodeStatusOf(node: ObservedNode, goal: FarmGoal): NodeStatusNow {
  const { name, peerId, report, lastReport, zone, host, volume, evidence } = node;
  const shown = report ?? lastReport;
  const leaving = leavingOf(node) !== undefined;
  const atRisk = report?.atRiskIfStopped ?? evidence?.problem?.short;
  return {
    state: stateWord(node),
    ...(node.formerPeerId === undefined && peerId === undefined ? {} : { peerId: node.formerPeerId ?? peerId ?? "" }),
    ...(node.state.kind === "down" ? {} : { pod: name }),
    ...(volume === "absent" ? {} : { pvc: name }),
    ...(zone === "" ? {} : { zone }),
    ...(host === "" ? {} : { host }),
    vaults: goal.vaultsPerNode,
    ready: serves(node),
    ...(shown === undefined
      ? {}
      : {
          capacity: roundedBytes(shown.declared * goal.vaultsPerNode),
          used: roundedBytes(shown.used),
          chunks: roundedCount(shown.chunks),
          ...(shown.version === undefined ? {} : { version: shown.version.slice(0, versionLengthMax) }),
          ...(shown.score === undefined ? {} : { score: shown.score.toFixed(2) }),
        }),
    ...(atRisk === undefined ? {} : { atRiskIfStopped: roundedCount(atRisk) }),
    ...(leaving && evidence?.problem?.short !== undefined ? { drain: { left: roundedCount(evidence.problem.short) } } : {}),
    conditions: nodeConditionsOf(node),
  };
}

function stateWord(node: ObservedNode): string {
  if (node.assigned.released === true) return "Released";
  if (node.formerPeerId !== undefined || node.desired === "Fenced") return "Fenced";
  if (leavingOf(node) !== undefined) return "Draining";
  return node.desired === "Offline" || node.desired === "Cordoned" ? node.desired : "Active";
}

/**
 * The steps of a plan for people: what is done before what waits, each once, in the plan's own order. Counts of chunks are rounded, for
 * each change is written.
 */
export function planSteps(actions: readonly FarmAction[]): readonly PlanStep[] {
  const steps = actions.map((action) => ({
    action: action.kind,
    ...("name" in action && action.name !== undefined ? { node: action.name } : {}),
    why: action.why.replaceAll(/\d+(?= chunks\b)/g, (count) => String(roundedCount(Number(count)))).slice(0, 512),
    waiting: action.kind === "wait",
  }));
  // Two parts of the plan may wait for the same.
  const each = [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()];
  return [...each.filter(({ waiting }) => !waiting), ...each.filter(({ waiting }) => waiting)].slice(0, planStepsMax);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
