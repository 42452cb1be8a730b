// `kubectl vaultfarm plan` in words. Pure.
import type { PlanStep } from "../../operator/api/farm-status.ts";
import { describeBytes } from "../../operator/api/quantity.ts";
import type { StatusCondition } from "../../operator/api/status-fields.ts";
import type { CopiesLeft } from "./copies-left.ts";
import type { LiveAnswers } from "./live-farm.ts";
import { agoText, durationText, tableText } from "./words.ts";

/** A step with what its node is in, and since when; null where that says nothing about the step. */
export type SeenStep = PlanStep & { readonly state: "draining" | "not ready" | null; readonly since: string | null };

export type FarmPlan = {
  readonly farm: string;
  readonly namespace: string;
  /** When the operator wrote it. */
  readonly seenAt: string | null;
  /** Why what the spec wants now is not carried out; null where it is. */
  readonly refused: string | null;
  readonly progressing: StatusCondition | null;
  /** Whether it has written any. */
  readonly written: boolean;
  /** The first step that does not wait. */
  readonly next: SeenStep | null;
  readonly steps: readonly SeenStep[];
  /** `left`: chunks that lack copies elsewhere, as the operator saw it last. */
  readonly draining: readonly {
    readonly node: string;
    readonly left: number | null;
    readonly since: string | null;
    readonly message: string | null;
  }[];
  /** What the nodes count at this moment; null where none could be asked. */
  readonly copying: CopiesLeft | null;
  readonly unseen: LiveAnswers["unseen"];
};

type PlanStyle = { readonly wide: boolean; readonly nowMs: number };

/** The plan as lines. */
export function planText(plan: FarmPlan, { wide, nowMs }: PlanStyle): string {
  const { farm, steps, progressing, seenAt } = plan;
  if (!plan.written) return `${farm}: the operator has written no plan yet; does it run?`;
  const age = seenAt === null ? "" : `, as the operator wrote it ${agoText(seenAt, nowMs)} ago`;
  const refused = plan.refused === null ? [] : [`  not carried out: ${plan.refused}`];
  const live = [...refused, ...copyingLines(plan), ...(wide ? nodeLines(plan) : [])];
  if (steps.length === 0)
    return [`${farm}: ${(progressing?.message ?? "nothing is to be done").replace(/\.$/, "")}${age}`, ...live].join("\n");
  const since = progressing?.status === "True" ? `, under way for ${agoText(progressing.lastTransitionTime, nowMs)}` : "";
  const drains = plan.draining.map(
    (drain) => `  ${drain.node}${drain.since === null ? "" : `, draining for ${agoText(drain.since, nowMs)}`}: ${drainWords(drain)}`,
  );
  return [
    `${farm}: ${steps.length} ${steps.length === 1 ? "step" : "steps"}${since}${age}`,
    `  next: ${nextWords(plan)}`,
    tableText(steps.map((step, i) => stepCells(step, i, nowMs))),
    ...drains,
    ...live,
  ].join("\n");
}

function nextWords({ next, steps }: FarmPlan): string {
  if (next !== null) return `${next.action}${next.node === undefined ? "" : ` ${next.node}`}, because: ${next.why}`;
  return `nothing until this is over: ${steps[0]?.why ?? ""}`;
}

function stepCells({ action, node, why, waiting, state, since }: SeenStep, index: number, nowMs: number): readonly string[] {
  return [`  ${index + 1}.`, waiting ? "waits" : action, node ?? "", state === null ? "" : `${state} for ${agoText(since, nowMs)}`, why];
}

function drainWords({ left, message }: FarmPlan["draining"][number]): string {
  if (left !== null) return `about ${left} chunks still lack copies elsewhere`;
  return (message ?? "drains").replace(/\.$/, "");
}

function copyingLines({ copying }: FarmPlan): readonly string[] {
  if (copying === null) return [];
  const { bytes, copies, estimateSeconds, nodes } = copying;
  const who = `as ${nodes.length} ${nodes.length === 1 ? "node counts" : "nodes count"} it now`;
  if (copies === 0 && bytes === 0) return [`  nothing is left to be copied, ${who}`];
  const what = copies === 1 ? "1 copy is" : `${copies} copies are`;
  return [`  ${what} left to be made, ${describeBytes(bytes)}, in about ${durationText(estimateSeconds)}, ${who}`];
}

function nodeLines({ copying }: FarmPlan): readonly string[] {
  if (copying === null) return [];
  const rows = copying.nodes.map((one) => [
    `  ${one.node}`,
    String(one.copies),
    describeBytes(one.bytes),
    one.bytes === 0 ? "-" : durationText(one.estimateSeconds),
  ]);
  return [tableText([["  NODE", "COPIES-LEFT", "BYTES-LEFT", "ESTIMATE"], ...rows])];
}
