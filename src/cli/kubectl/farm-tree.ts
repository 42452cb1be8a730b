// `kubectl vaultfarm status` in words: each farm, its zones, its nodes, and of the conditions those that are not well. Pure.
import type { ConditionStatus, FarmConditionType, NodeConditionType } from "../../operator/api/conditions.ts";
import type { StatusCondition } from "../../operator/api/status-fields.ts";
import { conditionOf, type FarmSeen, type NodeSeen } from "./farm-seen.ts";
import { agoText } from "./words.ts";

/** How each condition stands while all is well; what is under way is said apart. */
const well: Readonly<Record<Exclude<FarmConditionType, "Progressing">, ConditionStatus>> = {
  Ready: "True",
  Degraded: "False",
  DataAtRisk: "False",
  Draining: "False",
  NoSpareNode: "False",
  CapacityLow: "False",
  SpreadSatisfied: "True",
  NetworkJoined: "True",
  GatewayReady: "True",
  MonitoringReady: "True",
  SpecAccepted: "True",
  UpdateAvailable: "False",
  Paused: "False",
};
const nodeWell: Readonly<Record<NodeConditionType, ConditionStatus>> = { Ready: "True", Draining: "False" };

/** What a person may have chosen so: not well, and nothing to look at. */
const chosen: ReadonlySet<string> = new Set(["NoZones", "NoneWanted"]);

/** The conditions of a farm that a person should look at. */
export function notWell(
  conditions: readonly StatusCondition[] | undefined,
  is: Readonly<Record<string, ConditionStatus>> = well,
): readonly StatusCondition[] {
  return (conditions ?? []).filter(({ type, status, reason }) => is[type] !== undefined && is[type] !== status && !chosen.has(reason));
}

export type TreeStyle = { readonly wide: boolean; readonly nowMs: number };

/** The farm as a tree. */
export function farmTree(farm: FarmSeen, style: TreeStyle): string {
  const zones = [...new Set(farm.nodes.map(zoneOf))].sort();
  const zoned = zones.some((zone) => zone !== "");
  const lines = zoned
    ? zones.flatMap((zone, i) => {
        const of = farm.nodes.filter((node) => zoneOf(node) === zone);
        const last = i === zones.length - 1;
        return [`${last ? "└─" : "├─"} ${zone === "" ? "no zone yet" : `zone ${zone}`}`, ...branch(of, last ? "   " : "│  ", style)];
      })
    : branch(farm.nodes, "", style);
  return [headline(farm), ...farmWords(farm), ...lines].join("\n");
}

function zoneOf({ status }: NodeSeen): string {
  return status.zone ?? "";
}

function headline({ name, namespace, replicas, status }: FarmSeen): string {
  const { nodes, readyNodes, vaults, used, capacity, chunksBelowMin } = status;
  if (nodes === undefined) return `${name} (namespace ${namespace}): nothing has been seen of it yet; does the operator run?`;
  const wanted = replicas === null || replicas === nodes ? "" : `, ${replicas} wanted`;
  const parts = [
    `${readyNodes ?? 0} of ${nodes} nodes ready${wanted}`,
    ...(vaults === undefined ? [] : [`${vaults} vaults`]),
    ...(used === undefined || capacity === undefined ? [] : [`${used} of ${capacity} used`]),
    chunksBelowMin === undefined ? "copies not counted yet" : `${chunksBelowMin} chunks below copies.min`,
  ];
  return `${name} (namespace ${namespace}): ${parts.join(", ")}`;
}

function farmWords({ status }: FarmSeen): readonly string[] {
  const doing = conditionOf(status, "Progressing");
  const sentences = notWell(status.conditions).map(({ type, reason, message }) => `  ! ${type} (${reason}): ${message}`);
  return doing?.status === "True" ? [...sentences, `  > ${doing.message}`] : sentences;
}

function branch(nodes: readonly NodeSeen[], indent: string, style: TreeStyle): readonly string[] {
  const rows = nodes.map((node) => nodeCells(node, style));
  const widths = rows.reduce<number[]>((sizes, row) => row.map((cell, i) => Math.max(sizes[i] ?? 0, cell.length)), []);
  return nodes.flatMap((node, i) => {
    const last = i === nodes.length - 1;
    const cells = (rows[i] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    const words = notWell(node.status.conditions, nodeWell).map(
      ({ reason, message }) => `${indent}${last ? "   " : "│  "}  ! ${reason}: ${message}`,
    );
    return [`${indent}${last ? "└─" : "├─"} ${cells}`.trimEnd(), ...words];
  });
}

function nodeCells(node: NodeSeen, { wide, nowMs }: TreeStyle): readonly string[] {
  const { status, name, createdAt } = node;
  const { used, capacity, atRiskIfStopped, peerId, host, score } = status;
  const cells = [
    name,
    stateText(node),
    status.ready === true ? "ready" : "not ready",
    used === undefined ? "-" : `${used} of ${capacity ?? "?"}`,
    atRiskIfStopped === undefined ? "at risk -" : `at risk ${atRiskIfStopped}`,
  ];
  return wide ? [...cells, `score ${score ?? "-"}`, `on ${host ?? "-"}`, agoText(createdAt, nowMs), peerId ?? "-"] : cells;
}

/** The node's state in a word or two: what is wanted, and why it leaves. */
function stateText({ status, desired, leaving, deleting }: NodeSeen): string {
  const state = status.state ?? desired;
  const why = deleting ? "deleted" : leaving;
  return why === null ? state : `${state} (${why})`;
}
