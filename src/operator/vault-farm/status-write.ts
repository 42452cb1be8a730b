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

type Said = { readonly type: string; readonly status: string; readonly reason: string; readonly message?: string };
type Written = { readonly observedGeneration?: number; readonly conditions?: readonly Said[]; readonly [field: string]: unknown };

/**
 * Whether `next` must be written over `before`, the last write being `sinceWriteMs` ago. Fields of `before` that are not in `next` count as
 * changed; conditions of types that are not in `next` are somebody else's and count as nothing.
 */
export function mustWrite(before: Written | undefined, next: Written, sinceWriteMs: number): boolean {
  if (before === undefined) return true;
  const types = new Set(next.conditions?.map(({ type }) => type));
  if (meaning(before, types) !== meaning(next, types)) return true;
  return sinceWriteMs >= statusEveryMs && statusWords(before, types) !== statusWords(next, types);
}

/** A status as text, the same for equal ones; of its conditions those of `types`. */
export function statusWords(status: Written, types: ReadonlySet<string>): string {
  const conditions = (status.conditions ?? []).filter(({ type }) => types.has(type)).sort((a, b) => (a.type < b.type ? -1 : 1));
  return JSON.stringify(sortedFields({ ...status, conditions }));
}

/** Whether a condition tells of another trouble than it did before under the same reason: another field, another claim. Numbers alone are no other trouble. */
export function isOtherTrouble(before: Said, next: Said): boolean {
  return troubleOf(before) !== troubleOf(next);
}

// Counts of members, what conditions say and what comes next matter at once; how far something is does not.
const countedAtOnce = ["nodes", "readyNodes", "ready", "state", "peerId", "selector", "networkId", "pod", "pvc", "plan", "image"];

function meaning(status: Written, types: ReadonlySet<string>): string {
  const own = (status.conditions ?? []).filter(({ type }) => types.has(type));
  const conditions = own.map((condition) => `${condition.type} ${condition.status} ${condition.reason} ${troubleOf(condition)}`).sort();
  return JSON.stringify([status.observedGeneration, conditions, countedAtOnce.map((field) => sortedFields(status[field] ?? null))]);
}

// What the others say follows the plan, step by step.
const troubles = new Set(["SpecAccepted False", "Degraded True", "GatewayReady False"]);
// Its words name what was tried, which is another new node each time.
const sameThroughout = "CallRefused";
const numbers = /(?<![\w-])\d+(?:\.\d+)?(?:[KMGTPE]i|%)?(?![\w-])/g;

function troubleOf({ type, status, reason, message = "" }: Said): string {
  return troubles.has(`${type} ${status}`) && reason !== sameThroughout ? message.replaceAll(numbers, "#") : "";
}

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sortedFields(inner)]));
}
