// A table of vault nodes with what they hold, as `top` shows all of a farm, and other verbs the one that they change.
import { parseQuantity } from "../../operator/api/quantity.ts";
import type { NodeSeen } from "./farm-seen.ts";
import { agoText, tableText } from "./words.ts";

/** Bytes that a quantity means; -1 where there is none. */
export const bytesOf = (quantity: string | undefined): number => parseQuantity(quantity ?? "") ?? -1;

/** How much of `capacity` is in use, both bytes: "3 %". "-" where either is not known. Pure. */
export function fullText(used: number, capacity: number): string {
  return used < 0 || capacity <= 0 ? "-" : `${Math.round((100 * used) / capacity)} %`;
}

/** One line a node, below their headings; `wide`: with what would be missing without it, its machine and its age. `nowMs`: wall time. Pure. */
export function nodeTable(nodes: readonly NodeSeen[], { wide, nowMs }: { readonly wide: boolean; readonly nowMs: number }): string {
  const more = (cells: readonly string[]): readonly string[] => (wide ? cells : []);
  const rows = nodes.map(({ name, status, createdAt }) => {
    const [used, capacity] = [bytesOf(status.used), bytesOf(status.capacity)];
    return [
      name,
      status.zone ?? "-",
      status.used ?? "-",
      status.capacity ?? "-",
      fullText(used, capacity),
      String(status.chunks ?? "-"),
      status.score ?? "-",
      ...more([String(status.atRiskIfStopped ?? "-"), status.host ?? "-", agoText(createdAt, nowMs)]),
    ];
  });
  return tableText([["NODE", "ZONE", "USED", "CAPACITY", "FULL", "CHUNKS", "SCORE", ...more(["AT-RISK", "HOST", "AGE"])], ...rows]);
}
