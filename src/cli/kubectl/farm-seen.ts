// A farm of a cluster with its nodes, as the verbs show them: what the objects say, read leniently, for a status may lack
// anything that nobody has written yet.
import type { PlanStep, VaultFarmStatus } from "../../operator/api/farm-status.ts";
import type { StatusCondition } from "../../operator/api/status-fields.ts";
import type { DesiredNodeState, LeavingReason, VaultNodeStatus } from "../../operator/api/vault-node.ts";
import type { FarmObject, NodeRecord } from "../../operator/cluster/resources.ts";

export type NodeSeen = {
  readonly name: string;
  readonly desired: DesiredNodeState;
  /** Why the operator has it leave. */
  readonly leaving: LeavingReason | null;
  /** Whether its record is deleted, and it drains because of that. */
  readonly deleting: boolean;
  readonly createdAt: string | null;
  readonly status: VaultNodeStatus;
};

export type FarmSeen = {
  readonly name: string;
  readonly namespace: string;
  /** Nodes wanted. */
  readonly replicas: number | null;
  readonly status: VaultFarmStatus;
  /** When its status was written last; null where the server does not tell. */
  readonly seenAt: string | null;
  readonly nodes: readonly NodeSeen[];
};

/** A farm and its nodes out of their objects. Pure. */
export function farmSeen(farm: FarmObject, nodes: readonly NodeRecord[]): FarmSeen {
  const { name, namespace = "" } = farm.metadata;
  const replicas = (farm.spec as { readonly replicas?: unknown } | undefined)?.replicas;
  return {
    name,
    namespace,
    replicas: typeof replicas === "number" ? replicas : null,
    status: (farm.status ?? {}) as VaultFarmStatus,
    seenAt: statusTime(farm),
    nodes: nodes.map(nodeSeen),
  };
}

/** A node out of its object. Pure. */
export function nodeSeen({ metadata, spec, status }: NodeRecord): NodeSeen {
  const { desired = "Active", assigned = {} } = (spec ?? {}) as {
    readonly desired?: DesiredNodeState;
    readonly assigned?: { readonly leaving?: LeavingReason };
  };
  return {
    name: metadata.name,
    desired,
    leaving: assigned.leaving ?? null,
    deleting: metadata.deletionTimestamp !== undefined,
    createdAt: metadata.creationTimestamp ?? null,
    status: (status ?? {}) as VaultNodeStatus,
  };
}

/** A condition of a status. */
export function conditionOf(status: { readonly conditions?: readonly StatusCondition[] }, type: string): StatusCondition | undefined {
  return status.conditions?.find((one) => one.type === type);
}

/** The steps of the plan. */
export function planOf({ status }: FarmSeen): readonly PlanStep[] {
  return status.plan ?? [];
}

type ManagedFields = readonly { readonly subresource?: string; readonly time?: string }[];

function statusTime({ metadata }: FarmObject): string | null {
  const managed = (metadata["managedFields"] ?? []) as ManagedFields;
  const times = managed.flatMap(({ subresource, time }) => (subresource === "status" && time !== undefined ? [time] : []));
  return times.toSorted().at(-1) ?? null;
}
