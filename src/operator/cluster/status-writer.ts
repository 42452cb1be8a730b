// Shows what was seen: the status of a farm and of its nodes, written where it changed in meaning, with an event for each
// condition that turned.
import { type ConditionNow, type FarmReason, farmCondition, farmConditions, nodeCondition, ownConditionTypes } from "../api/conditions.ts";
import type { ManifestProblem } from "../api/problem.ts";
import type { StatusCondition } from "../api/status-fields.ts";
import type { EventWords, KubeError, Resource } from "../kube/index.ts";
import type { FarmSeen } from "../vault-farm/farm-look.ts";
import { nodeStatusOf, statusOf } from "../vault-farm/status.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { createPutStatus, recordOn, type StatusNow, type StatusTools, type StatusWritten } from "./put-status.ts";
import { type FarmObject, farms, type NodeRecord, nodeRecords } from "./resources.ts";
import { conditionEvents } from "./status-events.ts";
import { unlessForbidden } from "./unless-forbidden.ts";

export type StatusWriter = {
  /**
   * Writes the farm's status and those of its nodes. One that the server refuses is told and holds up no other. Throws the server's other
   * errors, where it forbids one once all others are written.
   */
  write(farm: FarmObject, records: readonly NodeRecord[], seen: FarmSeen, memory: FarmMemory): Promise<void>;
  /** Says of a node that its farm does not exist. Throws the server's error. */
  refuseNode(record: NodeRecord, farm: string): Promise<void>;
  /** Says why a farm cannot even be begun, or looked at. */
  refuse(
    farm: FarmObject,
    refused: { readonly reason: FarmReason<"SpecAccepted">; readonly problems: readonly ManifestProblem[] },
  ): Promise<void>;
  /** Says that the API server forbade a call, `why` in its words. Throws its error. */
  refuseCall(farm: FarmObject, why: string): Promise<void>;
  /** Says it by an event alone. */
  warnOfRefusal(farm: FarmObject, why: string): void;
  /** Says by an event that `operator` leaves the farm to `other`, which runs it: NAMESPACE/LEASE each. `unread`: why nobody knows whether that one lives. */
  warnOfOperator(farm: FarmObject, operator: string, other: string, unread?: string): void;
  /** Says by an event of a VaultNode that `fields` of its `spec.assigned` were not decided by the operator, and are taken out. */
  warnOfStrays(node: NodeRecord, fields: readonly string[]): void;
};

/** So many nodes' statuses are tried at a look where each is forbidden: most likely all are. */
const forbiddenMax = 8;

/** The status that an object has, with these conditions in it; those of others are left to them. */
function withConditions(object: FarmObject, conditions: readonly ConditionNow[]): StatusNow {
  const kept = conditionsOf(object).filter(({ type }) => ownConditionTypes.has(type) && !conditions.some((one) => one.type === type));
  return { ...object.status, conditions: [...kept, ...conditions] };
}

function conditionsOf({ status }: FarmObject): readonly StatusCondition[] {
  return (status?.["conditions"] ?? []) as readonly StatusCondition[];
}

/** The same with all others that a farm has, of which nothing is known as long as it has none of them. */
function amongAll(farm: FarmObject, told: readonly ConditionNow[]): StatusNow {
  const said = [...conditionsOf(farm), ...told];
  const unknown = Object.entries(farmConditions).flatMap(([type, { reasons }]): readonly ConditionNow[] => {
    if (!("NotLookedAt" in reasons) || said.some((one) => one.type === type)) return [];
    const [status, message] = reasons.NotLookedAt;
    return [{ type, status, reason: "NotLookedAt", message }];
  });
  return withConditions(farm, [...told, ...unknown]);
}

export function createStatusWriter(tools: StatusTools): StatusWriter {
  const { clock, recorder } = tools;
  const put = createPutStatus(tools);
  const record = (farm: FarmObject, words: EventWords): void => recordOn(recorder, farms, farm, words);
  const tell = (farm: FarmObject, conditions: readonly ConditionNow[]): void => {
    for (const words of conditionEvents(conditionsOf(farm), conditions)) record(farm, words);
  };
  return {
    write: async (farm, records, seen, memory) => {
      const nowMs = clock.monotonicMs();
      const write = async (resource: Resource<FarmObject>, object: FarmObject, next: StatusNow): Promise<StatusWritten> => {
        const key = `${resource.plural}/${object.metadata.uid ?? ""}`;
        const written = await put(resource, object, next, nowMs - memory.writtenMs(key));
        if (written.kind === "written") memory.noteWritten(key, nowMs);
        return written;
      };
      const unshown: { name: string; why: string }[] = [];
      const forbidden: KubeError[] = [];
      for (const record of records) {
        const { name, uid = "" } = record.metadata;
        const node = seen.observed.nodes.find((one) => one.name === name);
        if (node === undefined || forbidden.length >= forbiddenMax) continue;
        const next = nodeStatusOf(node, seen.goal);
        const error = await unlessForbidden(async () => {
          const written = await write(nodeRecords, record, next);
          if (written.kind === "refused") unshown.push({ name, why: written.why });
          else if (next.peerId !== undefined) memory.setIdentity(name, uid, next.peerId);
        });
        if (error !== undefined) forbidden.push(error);
      }
      const status = statusOf({ ...seen, ...(unshown.length === 0 ? {} : { unshown }) });
      if ((await write(farms, farm, status)).kind === "written") tell(farm, status.conditions);
      const [first] = forbidden;
      if (first !== undefined) throw first;
    },
    refuseNode: async (record, farm) => {
      const conditions = [nodeCondition("Ready", "NoSuchFarm", { farm }), nodeCondition("Draining", "Staying")];
      const written = await put(nodeRecords, record, withConditions(record, conditions), 0);
      if (written.kind !== "written") return;
      const [{ reason, message }] = conditions as [ConditionNow];
      recordOn(recorder, nodeRecords, record, { type: "Warning", reason, message });
    },
    refuse: async (farm, { reason, problems }) => {
      const text = problems.map(({ message }) => message).join("; ");
      const conditions = [farmCondition("SpecAccepted", reason, { problems: text }), farmCondition("Ready", "SpecRefused")];
      const written = await put(farms, farm, amongAll(farm, conditions), Number.POSITIVE_INFINITY);
      if (written.kind === "written") tell(farm, conditions);
    },
    refuseCall: async (farm, why) => {
      const conditions = [farmCondition("Degraded", "CallRefused", { why })];
      const written = await put(farms, farm, withConditions(farm, conditions), 0);
      if (written.kind === "written") tell(farm, conditions);
    },
    warnOfOperator: (farm, operator, other, unread) => {
      const left = `operator ${other} runs this farm, so operator ${operator} leaves it alone`;
      const advice = "give each release its own watchNamespaces, or uninstall one";
      const unknown = `whether that one lives is not known, for its Lease may not be read (${unread}); grant that, or the farm waits for it`;
      record(farm, { type: "Warning", reason: "OtherOperator", message: `${left}: ${unread === undefined ? advice : unknown}` });
    },
    warnOfStrays: (node, fields) => {
      const named = fields.map((field) => `spec.assigned.${field}`).join(", ");
      const message = `${named} taken out: without this operator's seal for this VaultNode, not an hour old where it says released, nothing is done by it. Say what you want of the node in spec.desired`;
      recordOn(recorder, nodeRecords, node, { type: "Warning", reason: "NotDecided", message });
    },
    warnOfRefusal: (farm, why) => tell(farm, [farmCondition("Degraded", "CallRefused", { why })]),
  };
}
