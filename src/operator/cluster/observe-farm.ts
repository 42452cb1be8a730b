// From objects and answers to what the plan reads: one pure function. What is not known is left out, and what is left out
// allows nothing.
import type { Address } from "../../protocol/address.ts";
import { type PeerId, parsePeerId } from "../../protocol/peer-id.ts";
import type { PodSpec } from "../api/pod-spec.ts";
import { parseQuantity } from "../api/quantity.ts";
import type { TopologySpec } from "../api/vault-farm.ts";
import { type AssignedSpec, type VaultNodeSpec, vaultNodeSpecSchema } from "../api/vault-node.ts";
import { annotations } from "../manifests/names.ts";
import type { NodeWord } from "../node-access/node-word.ts";
import { fitsMachine } from "../vault-farm/machine-fit.ts";
import type { HostState, MemberState, NodeReport, ObservedFarm, ObservedNode, StopEvidence, VolumeState } from "../vault-farm/observed.ts";
import { type FarmParts, farmKeyOfRecord } from "./farm-caches.ts";
import type { ClaimObject, MachineObject, NodeRecord, PodObject } from "./resources.ts";

/** What is remembered of a farm from look to look; lost with the process, and then gathered anew. */
export type NodeMemory = {
  readonly status?: NodeWord;
  /** Since when it does not answer, as far as this process asked it, by the clock of `nowMs`; absent while it answers. */
  readonly silentSinceMs?: number;
  /** What it reported before it fell silent. */
  readonly lastReport?: NodeReport;
  readonly told: readonly string[];
  readonly evidence?: StopEvidence;
  /** Of the record with that uid. */
  readonly identity?: { readonly recordUid: string; readonly peerId: string };
};

export type Looked = FarmParts & {
  readonly complete: boolean;
  /** Records of other farms whose node is being replaced, where anybody works on it. */
  readonly others: readonly NodeRecord[];
  readonly machine: (name: string) => MachineObject | undefined;
  readonly machines: readonly MachineObject[];
  readonly topology: TopologySpec;
  readonly placing: Pick<PodSpec, "nodeSelector" | "affinity">;
  readonly networkId?: Address;
  /** What counts of what a record says was decided of its node. */
  readonly decidedIn: (record: NodeRecord, assigned: AssignedSpec) => AssignedSpec;
  readonly memory: (node: string) => NodeMemory;
  /** Both clocks at the look: `nowMs` is the plan's, `wallMs` that of the objects' dates. */
  readonly nowMs: number;
  readonly wallMs: number;
};

/** No goal has this one: a hash is never a word. */
const editedTemplate = "edited";
/** Taints with which autoscalers say that a machine is about to go. */
const leavingTaints = ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption"];
const goneTaint = "node.kubernetes.io/out-of-service";
/** A container that waits for one of these does not come up by itself soon. */
const hopelessWaits = ["CrashLoopBackOff", "CreateContainerError", "CreateContainerConfigError", "RunContainerError"];

/** The farm as it is seen now. */
export function observeFarm(looked: Looked): ObservedFarm {
  const nodes = looked.records.map((record) => observeNode(record, looked));
  return {
    complete: looked.complete,
    replacingElsewhere: [...new Set(looked.others.map(farmKeyOfRecord))].sort(),
    founded: mayBeFounded(looked),
    zones: zonesOf(looked),
    nodes: nodes.sort((a, b) => a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1)),
    gateways: [],
    ...(looked.networkId === undefined ? {} : { networkId: looked.networkId }),
  };
}

// Only nodes can say that nobody is confirmed: one that is ready and does not answer at this look may know of certificates.
function mayBeFounded({ pods, memory }: Looked): boolean {
  const words = pods.map((pod) => ({ pod, word: memory(pod.metadata.name).status }));
  return words.some(({ pod, word }) => (word === undefined ? pod.ready : word.sequence > 0));
}

/** Zones of machines that can take a vault node now. */
function zonesOf({ machines, topology, placing }: Looked): readonly string[] {
  const fits = ({ metadata, unschedulable, ready }: MachineObject): boolean =>
    ready && !unschedulable && fitsMachine(placing, metadata.labels ?? {});
  const zones = machines.filter(fits).flatMap(({ metadata }) => metadata.labels?.[topology.zoneKey] ?? []);
  return [...new Set(zones)].sort();
}

function observeNode(record: NodeRecord, looked: Looked): ObservedNode {
  const { name } = record.metadata;
  const spec = specOf(record);
  const assigned = looked.decidedIn(record, spec.assigned);
  const pod = looked.pods.find(({ metadata }) => metadata.name === name);
  const claim = looked.claims.find(({ metadata }) => metadata.name === name);
  const memory = looked.memory(name);
  const machine = pod?.nodeName === undefined ? undefined : looked.machine(pod.nodeName);
  const host = pod?.nodeName ?? "";
  const away = awaySince({ pod, machine }, looked);
  const runsWith = runsWithOf(pod);
  const known = identityIn(record) ?? rememberedIdentity(record, memory);
  const found = memory.status === undefined ? undefined : parsePeerId(memory.status.peerId);
  const report = memory.status?.report;
  return {
    name,
    state: stateOf(pod, looked),
    ...identity(known, found),
    addressed: pod?.ip !== undefined && pod.metadata.deletionTimestamp === undefined,
    granted: memory.status?.granted ?? true,
    peersTold: memory.told,
    zone: machine?.metadata.labels?.[looked.topology.zoneKey] ?? assigned.zone ?? "",
    host,
    hostState: pod?.nodeName === undefined ? "fine" : hostStateOf(machine),
    createdMs: Date.parse(record.metadata.creationTimestamp ?? "") || 0,
    byHand: record.metadata.annotations?.[annotations.madeBy] === undefined,
    desired: spec.desired,
    deleting: record.metadata.deletionTimestamp !== undefined,
    assigned,
    volume: looked.foreignVolumes?.includes(name) === true ? "foreign" : volumeOf(claim),
    volumeBytes: volumeBytesOf(claim),
    ...(runsWith === undefined ? {} : { runsWith }),
    ...(away === undefined ? {} : { awaySinceMs: away }),
    ...(runsNothing(pod) ? { runsNothing: true } : {}),
    ...(memory.silentSinceMs === undefined ? {} : { silentSinceMs: memory.silentSinceMs }),
    ...(report === undefined ? {} : { report }),
    ...(memory.lastReport === undefined ? {} : { lastReport: memory.lastReport }),
    ...(memory.evidence === undefined ? {} : { evidence: memory.evidence }),
  };
}

// A record that a person wrote badly counts as one that nothing was said of.
function specOf({ spec }: NodeRecord): VaultNodeSpec {
  const read = vaultNodeSpecSchema.safeParse(spec);
  return read.success ? read.data : { farm: "", desired: "Active", assigned: {} };
}

/** The identity that a record says was found on its volume. */
export function identityIn({ status }: NodeRecord): PeerId | undefined {
  const text = status?.["peerId"];
  return typeof text === "string" ? parsePeerId(text) : undefined;
}

// A record that lost its identity, or that the cache shows as it was before, is still that of the same node.
function rememberedIdentity({ metadata }: NodeRecord, { identity }: NodeMemory): PeerId | undefined {
  return identity !== undefined && identity.recordUid === metadata.uid ? parsePeerId(identity.peerId) : undefined;
}

function identity(known: PeerId | undefined, found: PeerId | undefined): { readonly peerId?: PeerId; readonly formerPeerId?: PeerId } {
  const peerId = found ?? known;
  return {
    ...(peerId === undefined ? {} : { peerId }),
    ...(known !== undefined && found !== undefined && known !== found ? { formerPeerId: known } : {}),
  };
}

function stateOf(pod: PodObject | undefined, looked: Looked): MemberState {
  const since = (date: string | undefined): number => sinceMs(date, looked);
  if (pod === undefined) return { kind: "down", failures: 0, sinceMs: 0 };
  if (pod.metadata.deletionTimestamp !== undefined) return { kind: "stopping", sinceMs: since(pod.metadata.deletionTimestamp) };
  const startedMs = since(pod.startedAt ?? pod.metadata.creationTimestamp);
  // An evicted pod, or one whose machine restarted it in vain: it is made anew.
  if (pod.phase === "Failed" || pod.phase === "Succeeded") return { kind: "down", failures: 1, sinceMs: startedMs };
  return pod.ready ? { kind: "ready", sinceMs: startedMs } : { kind: "starting", sinceMs: since(pod.unreadySince) };
}

// A container that is being made waits too, and for that there is time enough in either case.
function runsNothing(pod: PodObject | undefined): boolean {
  return pod !== undefined && !pod.ready && (pod.nodeName === undefined || pod.waiting !== undefined);
}

function sinceMs(date: string | undefined, { nowMs, wallMs }: Looked): number {
  const parsed = Date.parse(date ?? "");
  return Number.isNaN(parsed) ? nowMs : nowMs - Math.max(0, wallMs - parsed);
}

type Placed = { readonly pod: PodObject | undefined; readonly machine: MachineObject | undefined };

function awaySince({ pod, machine }: Placed, looked: Looked): number | undefined {
  if (pod === undefined || pod.ready) return undefined;
  if (pod.nodeName === undefined) return pod.unschedulableSince === undefined ? undefined : sinceMs(pod.unschedulableSince, looked);
  // How long it ran well before says nothing: what counts is since when it does not. Nobody knows since when a machine that was
  // taken away is gone; its pod was called not ready then, or deleted.
  if (machine === undefined) return sinceMs(pod.unreadySince ?? pod.metadata.deletionTimestamp, looked);
  if (!machine.ready) return sinceMs(machine.readySince, looked);
  return pod.waiting !== undefined && hopelessWaits.includes(pod.waiting) ? sinceMs(pod.unreadySince, looked) : undefined;
}

function hostStateOf(machine: MachineObject | undefined): HostState {
  if (machine === undefined || machine.taints.includes(goneTaint)) return "gone";
  if (!machine.ready) return "gone";
  return machine.unschedulable || machine.taints.some((taint) => leavingTaints.includes(taint)) ? "leaving" : "fine";
}

function volumeOf(claim: ClaimObject | undefined): VolumeState {
  if (claim === undefined || claim.phase === "Lost") return "absent";
  if (claim.metadata.deletionTimestamp !== undefined) return "terminating";
  return claim.phase === "Bound" ? "bound" : "unbound";
}

/** Bytes of a claim's volume, as asked for where there is none yet; infinite where nobody says. */
export function volumeBytesOf(claim: ClaimObject | undefined): number {
  const text = claim?.capacity ?? claim?.requested;
  return (text === undefined ? undefined : parseQuantity(text)) ?? Number.POSITIVE_INFINITY;
}

// One that somebody changed is started anew like those that are outdated: once nothing is missing without it.
function runsWithOf(pod: PodObject | undefined): ObservedNode["runsWith"] {
  const { [annotations.template]: template, [annotations.capacity]: capacity } = pod?.metadata.annotations ?? {};
  if (template === undefined || capacity === undefined) return undefined;
  return { template: pod?.edited === true ? editedTemplate : template, capacity: Number(capacity) };
}
