// When a status is written: conditions get their time and generation, and what has not changed in meaning is not written.
import type { ConditionNow } from "../api/conditions.ts";
import type { StatusCondition } from "../api/status-fields.ts";

/** Numbers and sentences alone are written at most this often, milliseconds. */
export const statusEveryMs = 300_000;

/** The conditions as they stand in a status: a time changes only with the status of its condition. `now`: RFC 3339 in seconds. */
export function mergeConditions(
  before: readonly StatusCondition[] | undefined,
  conditions: readonly ConditionNow[],
  observedGeneration: number,
  now: string,
): readonly StatusCondition[] {
  return conditions.map((condition) => {
    const known = before?.find(({ type }) => type === condition.type);
    const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : now;
    return { ...condition, observedGeneration, lastTransitionTime };
  });
}

type Written = {
  readonly observedGeneration?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly [field: string]: unknown;
};

/** Whether `next` must be written over `before`, the last write being `sinceWriteMs` ago. Fields of `before` that are not in `next` count as changed. */
export function mustWrite(before: Written | undefined, next: Written, sinceWriteMs: number): boolean {
  if (before === undefined || meaning(before) !== meaning(next)) return true;
  return sinceWriteMs >= statusEveryMs && JSON.stringify(sortedFields(before)) !== JSON.stringify(sortedFields(next));
}

// Counts of members, what conditions say and what comes next matter at once; how far something is does not.
const countedAtOnce = ["nodes", "readyNodes", "ready", "state", "peerId", "selector", "networkId", "pod", "pvc", "plan", "image"];

function meaning(status: Written): string {
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason }) => `${type} ${value} ${reason}`).sort();
  return JSON.stringify([status.observedGeneration, conditions, countedAtOnce.map((field) => sortedFields(status[field] ?? null))]);
}

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sortedFields(inner)]));
}
