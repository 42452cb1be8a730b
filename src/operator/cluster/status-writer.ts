// Shows what was seen: the status of a farm and of its nodes, written where it changed in meaning, with an event for each
// condition that turned.
import type { Clock } from "../../runtime/clock.ts";
import { type ConditionNow, type FarmReason, farmCondition } from "../api/conditions.ts";
import type { ManifestProblem } from "../api/problem.ts";
import type { StatusCondition } from "../api/status-fields.ts";
import { apiVersion } from "../api/vault-farm.ts";
import type { EventRecorder, EventWords, KubeClient, KubeObject, Resource } from "../kube/index.ts";
import type { Manifest } from "../manifests/names.ts";
import type { FarmSeen } from "../vault-farm/farm-look.ts";
import { nodeStatusOf, statusOf } from "../vault-farm/status.ts";
import { mergeConditions, mustWrite } from "../vault-farm/status-write.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { must } from "./object-writer.ts";
import { type FarmObject, farms, type NodeRecord, nodeRecords } from "./resources.ts";

export type StatusWriter = {
  /** Writes the farm's status and those of its nodes. Throws the server's error. */
  write(farm: FarmObject, records: readonly NodeRecord[], seen: FarmSeen, memory: FarmMemory): Promise<void>;
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

/** The status that the farm has, with these conditions in it. */
function withConditions({ status }: FarmObject, conditions: readonly ConditionNow[]): Status {
  const kept = (status?.["conditions"] ?? []) as readonly StatusCondition[];
  const others = kept.filter(({ type }) => !conditions.some((one) => one.type === type));
  return { ...status, conditions: [...others, ...conditions] };
}

type Tools = { readonly client: KubeClient; readonly recorder: EventRecorder; readonly clock: Clock };
type Status = { readonly conditions: readonly ConditionNow[] } & Readonly<Record<string, unknown>>;

/** Conditions whose turn to this status is something that a person should look at. */
const warnings: ReadonlySet<string> = new Set([
  "Ready False",
  "Degraded True",
  "DataAtRisk True",
  "CapacityLow True",
  "SpecAccepted False",
  "NetworkJoined False",
  "NoSpareNode True",
]);

/** What a person asked for is nothing to be warned of. */
const asWished: ReadonlySet<string> = new Set(["Ready Hibernating", "Ready GoingToSleep", "NetworkJoined Asleep"]);

/** Told also where nothing was said before. */
const warnsAtOnce: ReadonlySet<string> = new Set(["SpecAccepted False", "Degraded True"]);

export function createStatusWriter(tools: Tools): StatusWriter {
  const { client, clock } = tools;
  const put = async (resource: Resource, object: KubeObject, status: Status, sinceWriteMs: number): Promise<boolean> => {
    const { name, namespace, generation = 0 } = object.metadata;
    const before = Reflect.get(object, "status") as { readonly conditions?: readonly StatusCondition[] } | undefined;
    const now = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
    const next = {
      ...status,
      observedGeneration: generation,
      conditions: mergeConditions(before?.conditions, status.conditions, generation, now),
    };
    if (!mustWrite(before, next, sinceWriteMs)) return false;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    const manifest: Manifest = { apiVersion, kind: resource.kind, metadata, status: next };
    const applied = await client.apply(resource, manifest, { force: true, subresource: "status" });
    // Gone since it was read: there is nobody to tell.
    if (!applied.ok && applied.error.code === "not-found") return false;
    must(applied);
    return true;
  };
  const record = ({ metadata: { name, namespace, uid = "" } }: KubeObject, words: EventWords, kind = farms.kind): void =>
    tools.recorder.record({ apiVersion, kind, name, uid, ...(namespace === undefined ? {} : { namespace }) }, words);
  const tell = (farm: FarmObject, conditions: readonly ConditionNow[]): void => {
    const before = (farm.status?.["conditions"] ?? []) as readonly StatusCondition[];
    for (const { type, status, reason, message } of conditions) {
      const known = before.find((one) => one.type === type);
      // What a farm begins with is no event, and what it works on is in its plan.
      if (known === undefined ? !warnsAtOnce.has(`${type} ${status}`) : known.reason === reason || type === "Progressing") continue;
      // Nor is it that a farm which wakes is not awake yet.
      const isWaking = known !== undefined && (asWished.has(`${type} ${known.reason}`) || (type === "Ready" && known.status === "False"));
      const expected = asWished.has(`${type} ${reason}`) || isWaking;
      const words = { type: warnings.has(`${type} ${status}`) && !expected ? "Warning" : "Normal", reason, message } as const;
      record(farm, words);
    }
  };
  return {
    write: async (farm, records, seen, memory) => {
      const nowMs = clock.monotonicMs();
      const status = statusOf(seen);
      const write = async (resource: Resource, object: KubeObject, next: Status): Promise<boolean> => {
        const key = `${resource.plural}/${object.metadata.uid ?? ""}`;
        const written = await put(resource, object, next, nowMs - memory.writtenMs(key));
        if (written) memory.noteWritten(key, nowMs);
        return written;
      };
      for (const record of records) {
        const node = seen.observed.nodes.find(({ name }) => name === record.metadata.name);
        if (node !== undefined) await write(nodeRecords, record, nodeStatusOf(node, seen.goal) as Status);
      }
      if (await write(farms, farm, status as Status)) tell(farm, status.conditions);
    },
    refuse: async (farm, { reason, problems }) => {
      const text = problems.map(({ message }) => message).join("; ");
      const conditions = [farmCondition("SpecAccepted", reason, { problems: text }), farmCondition("Ready", "SpecRefused")];
      if (await put(farms, farm, withConditions(farm, conditions), Number.POSITIVE_INFINITY)) tell(farm, conditions);
    },
    refuseCall: async (farm, why) => {
      const conditions = [farmCondition("Degraded", "CallRefused", { why })];
      if (await put(farms, farm, withConditions(farm, conditions), 0)) tell(farm, conditions);
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
      record(node, { type: "Warning", reason: "NotDecided", message }, nodeRecords.kind);
    },
    warnOfRefusal: (farm, why) => tell(farm, [farmCondition("Degraded", "CallRefused", { why })]),
  };
}
