// The kinds that the operator reads, each cut down to what is decided by: a cache of ten thousand pods holds no pod specs.
import { apiVersion } from "../api/vault-farm.ts";
import {
  defineResource,
  type KubeObject,
  keepsOwned,
  leanMeta,
  ownedFields,
  type Projection,
  type Resource,
  wholeObject,
} from "../kube/index.ts";
import { noteInShort } from "../manifests/kept-template.ts";
import { annotations, components } from "../manifests/names.ts";

export type ConditionSeen = { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string };

/** A VaultFarm as it came: its spec is read by `judgeSpec`, never trusted. */
export type FarmObject = KubeObject & { readonly spec?: unknown; readonly status?: Readonly<Record<string, unknown>> };
export type NodeRecord = KubeObject & { readonly spec?: unknown; readonly status?: Readonly<Record<string, unknown>> };

export type PodObject = KubeObject & {
  readonly nodeName?: string;
  readonly ip?: string;
  readonly phase?: string;
  readonly ready: boolean;
  /** Since when it is not ready. */
  readonly unreadySince?: string;
  /** When it was found that no machine takes it. */
  readonly unschedulableSince?: string;
  readonly startedAt?: string;
  readonly restarts: number;
  /** Somebody else changed what its container runs. */
  readonly edited: boolean;
  /** Why its container waits: "ImagePullBackOff". */
  readonly waiting?: string;
};
export type ClaimObject = KubeObject & {
  readonly phase?: string;
  readonly volumeName?: string;
  /** Quantities, as asked for and as there is. */
  readonly requested?: string;
  readonly capacity?: string;
};
export type MachineObject = KubeObject & {
  readonly unschedulable: boolean;
  readonly taints: readonly string[];
  readonly ready: boolean;
  /** Since when `ready` is as it is. */
  readonly readySince?: string;
};
/** What was applied, with the fields of it that are still ours, see `ownedFields`. */
export type AppliedObject = KubeObject & { readonly owned?: string };
export type ServiceObject = AppliedObject & { readonly clusterIps: readonly string[] };
/** `note`: see `noteInShort`. */
export type DeploymentObject = AppliedObject & {
  readonly readyReplicas: number;
  /** Pods that are not of its newest template. */
  readonly outdatedReplicas: number;
  readonly note?: { readonly of: string; readonly hash: string };
};

/** The name under which the operator owns fields. */
export const fieldManager = "vaultfarm-operator";

const ownPrefix = "vaultfarm.dev/";

const namespaced = { namespaced: true } as const;
export const farms: Resource<FarmObject> = defineResource({ apiVersion, kind: "VaultFarm", plural: "vaultfarms", ...namespaced });
export const nodeRecords: Resource<NodeRecord> = defineResource({ apiVersion, kind: "VaultNode", plural: "vaultnodes", ...namespaced });
export const pods: Resource = defineResource({ apiVersion: "v1", kind: "Pod", plural: "pods", ...namespaced });
export const claims: Resource = defineResource({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  ...namespaced,
});
export const volumes: Resource = defineResource({
  apiVersion: "v1",
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  namespaced: false,
});
export const machines: Resource = defineResource({ apiVersion: "v1", kind: "Node", plural: "nodes", namespaced: false });
export const storageClasses: Resource = defineResource({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  plural: "storageclasses",
  namespaced: false,
});
export type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };
export const secrets: Resource<SecretObject> = defineResource({ apiVersion: "v1", kind: "Secret", plural: "secrets", ...namespaced });
export const accounts: Resource = defineResource({ apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts", ...namespaced });
export const services: Resource = defineResource({ apiVersion: "v1", kind: "Service", plural: "services", ...namespaced });
export const configMaps: Resource = defineResource({ apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", ...namespaced });
export const deployments: Resource = defineResource({ apiVersion: "apps/v1", kind: "Deployment", plural: "deployments", ...namespaced });
export const budgets: Resource = defineResource({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  ...namespaced,
});
export const policies: Resource = defineResource({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  ...namespaced,
});

export const ingresses: Resource = defineResource({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  plural: "ingresses",
  ...namespaced,
});
/** Of the Gateway API, which a cluster need not have. */
export const httpRoutes: Resource = defineResource({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  plural: "httproutes",
  ...namespaced,
});
/** Of the Prometheus operator, which a cluster need not have. */
export const serviceMonitors: Resource = defineResource({
  apiVersion: "monitoring.coreos.com/v1",
  kind: "ServiceMonitor",
  plural: "servicemonitors",
  ...namespaced,
});

export const wholeFarm: Projection<FarmObject> = wholeObject;
export const wholeNodeRecord: Projection<NodeRecord> = wholeObject;

type RawPod = KubeObject & {
  readonly spec?: { readonly nodeName?: string; readonly containers?: readonly { readonly name: string; readonly image?: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly startTime?: string;
    readonly conditions?: readonly (ConditionSeen & { readonly lastTransitionTime?: string })[];
    readonly containerStatuses?: readonly {
      readonly name?: string;
      readonly restartCount?: number;
      readonly state?: { readonly waiting?: { readonly reason?: string } };
    }[];
  };
};

export const leanPod: Projection<PodObject> = (object) => {
  const { spec, status } = object as RawPod;
  const condition = (type: string) => status?.conditions?.find((one) => one.type === type);
  const scheduled = condition("PodScheduled");
  const ready = condition("Ready");
  // Others may add containers, which come and wait in their own time.
  const container = status?.containerStatuses?.find(({ name }) => name === components.node);
  return {
    metadata: ownNotes(object),
    ready: ready?.status === "True",
    restarts: container?.restartCount ?? 0,
    edited: isEdited(object),
    ...optional("nodeName", spec?.nodeName),
    ...optional("ip", status?.podIP),
    ...optional("phase", status?.phase),
    ...optional("startedAt", status?.startTime),
    ...optional("waiting", container?.state?.waiting?.reason),
    ...(ready?.status === "False" ? optional("unreadySince", ready.lastTransitionTime) : {}),
    ...(scheduled?.status === "False" ? optional("unschedulableSince", scheduled.lastTransitionTime) : {}),
  };
};

// Nearly nothing else of a pod can be changed. Containers that others add are theirs.
function isEdited(pod: RawPod): boolean {
  const containers = (pod.spec?.containers ?? [])
    .filter(({ name }) => name === components.node)
    .map(({ name, image }) => ({ name, image }));
  return (
    containers.length > 0 && !keepsOwned(ownedFields(pod, fieldManager), { metadata: { name: "" }, spec: { containers } } as KubeObject)
  );
}

/** Metadata with annotations of ours alone: a network writes hundreds of bytes on each pod, a provisioner on each claim. */
function ownNotes(object: KubeObject): KubeObject["metadata"] {
  const { annotations: all = {}, ...metadata } = leanMeta(object);
  const own = Object.entries(all).filter(([name]) => name.startsWith(ownPrefix));
  return own.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(own) };
}

type RawClaim = KubeObject & {
  readonly spec?: { readonly volumeName?: string; readonly resources?: { readonly requests?: { readonly storage?: string } } };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
};

export const leanClaim: Projection<ClaimObject> = (object) => {
  const { spec, status } = object as RawClaim;
  return {
    metadata: ownNotes(object),
    ...optional("phase", status?.phase),
    ...optional("volumeName", spec?.volumeName),
    ...optional("requested", spec?.resources?.requests?.storage),
    ...optional("capacity", status?.capacity?.storage),
  };
};

type RawMachine = KubeObject & {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly (ConditionSeen & { readonly lastTransitionTime?: string })[] };
};

/** Heartbeats change a machine every few seconds; nothing of that is kept. */
export const leanMachine: Projection<MachineObject> = (object) => {
  const { spec, status } = object as RawMachine;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const { annotations: _annotations, ...metadata } = leanMeta(object);
  return {
    metadata,
    unschedulable: spec?.unschedulable === true,
    taints: (spec?.taints ?? []).map(({ key }) => key),
    ready: ready?.status === "True",
    ...optional("readySince", ready?.lastTransitionTime),
  };
};

type RawService = KubeObject & { readonly spec?: { readonly clusterIPs?: readonly string[] } };
export const leanService: Projection<ServiceObject> = (object) => ({
  ...appliedOnly(object),
  clusterIps: ((object as RawService).spec?.clusterIPs ?? []).filter((ip) => ip !== "None"),
});

type DeploymentCounts = { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number };
type RawDeployment = KubeObject & { readonly status?: DeploymentCounts };
export const leanDeployment: Projection<DeploymentObject> = (object) => {
  const { metadata, ...rest } = appliedOnly(object);
  const { [annotations.madeOf]: note, ...others } = metadata.annotations ?? {};
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = (object as RawDeployment).status ?? {};
  return {
    ...rest,
    metadata: { ...metadata, annotations: others },
    readyReplicas,
    outdatedReplicas: Math.max(0, replicas - updatedReplicas),
    ...optional("note", note === undefined ? undefined : noteInShort(note)),
  };
};

/** Of something that is applied: whose it is, and what of it is still as it was applied. */
export const appliedOnly: Projection<AppliedObject> = (object) => ({
  metadata: leanMeta(object),
  ...optional("owned", ownedFields(object, fieldManager)),
});

/** The same with what is in it, of a ConfigMap that is read again: that with the spec accepted last. */
export const leanConfigMap: Projection<AppliedObject> = (object) => {
  const { data } = object as { readonly data?: { readonly spec?: string } };
  return { ...appliedOnly(object), ...(data?.spec === undefined ? {} : { data }) };
};

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}
