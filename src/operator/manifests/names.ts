// Names, labels and annotations of everything that a farm is made of in a cluster. Nothing is keyed by an ordinal.
import { apiVersion } from "../api/vault-farm.ts";
import type { KubeObject, ObjectMeta, OwnerReference } from "../kube/index.ts";

/** An object as it is applied: exactly the fields that the operator wants to own. */
export type Manifest = KubeObject & { readonly apiVersion: string; readonly kind: string } & Readonly<Record<string, unknown>>;

/** Whose objects they are. */
export type FarmIdentity = { readonly name: string; readonly namespace: string; readonly uid: string };

/** Labels of ours. `farmUid`: of the farm that made an object; one of the same name made later adopts what holds data. */
export const labels = {
  farm: "vaultfarm.dev/farm",
  farmUid: "vaultfarm.dev/farm-uid",
  node: "vaultfarm.dev/node",
  component: "app.kubernetes.io/component",
  name: "app.kubernetes.io/name",
  managedBy: "app.kubernetes.io/managed-by",
  /** "true" on a namespace whose pods collect metrics, or on such a pod beside a farm. Set by people. */
  scrapes: "vaultfarm.dev/scrapes",
} as const;

/** Annotations of ours. On pods: with which template and capacity (bytes of each vault) they were made. */
export const annotations = {
  template: "vaultfarm.dev/template",
  capacity: "vaultfarm.dev/capacity",
  /** On a VaultNode: who made it. One without was made by hand. */
  madeBy: "vaultfarm.dev/made-by",
  /** On a VaultNode: the operator's seal on why it leaves and whether it is released, see `sealDecision`. */
  seal: "vaultfarm.dev/seal",
  /** On a PersistentVolume that was kept: of which node, as namespace/name. */
  keptFor: "vaultfarm.dev/kept-for",
  /** On a Deployment: its pod template, and the name of what that was made of. */
  madeOf: "vaultfarm.dev/made-of",
  /** On an operator's Lease: the namespaces whose farms it runs, with commas between; empty: all. */
  watches: "vaultfarm.dev/watches",
  /** On the definition of a kind: the version of the operator that brought it. */
  version: "vaultfarm.dev/version",
  /** On any object: hash of what was applied last, so that nothing is applied twice. */
  applied: "vaultfarm.dev/applied",
} as const;

/** The finalizer of a VaultNode: what it holds is drained before its record goes. */
export const nodeFinalizer = "vaultfarm.dev/drain";

export const components = { node: "vault-node", gateway: "gateway" } as const;
export type Component = keyof typeof components;

/** Names of a farm's objects. Pods and claims of vault nodes have the name of their VaultNode. */
export const objectNames = {
  /** Keys and genesis of the network. Holds what cannot be made again: no owner reference. */
  network: (farm: string): string => `${farm}-network`,
  /** The first membership certificate, signed once. */
  firstCertificate: (farm: string): string => `${farm}-first-certificate`,
  /** The spec that was accepted last: what goes on while a newer one is refused. */
  acceptedSpec: (farm: string): string => `${farm}-accepted`,
  /** The key with which gateways grant themselves the right to store. Made again where it is lost. */
  gatewayGrant: (farm: string): string => `${farm}-gateway-grant`,
  gateway: (farm: string): string => `${farm}-gateway`,
  /** Headless Service. */
  nodes: (farm: string): string => `${farm}-nodes`,
  /** ConfigMap of first peers. */
  peers: (farm: string): string => `${farm}-peers`,
  budget: (farm: string): string => `${farm}-nodes`,
  gatewayBudget: (farm: string): string => `${farm}-gateway`,
  nodePolicy: (farm: string): string => `${farm}-nodes`,
  gatewayPolicy: (farm: string): string => `${farm}-gateway`,
  nodeAccount: (farm: string): string => `${farm}-nodes`,
  gatewayAccount: (farm: string): string => `${farm}-gateway`,
  serviceMonitor: (farm: string): string => `${farm}-metrics`,
} as const;

/** Labels by which a farm's pods of a kind are chosen. */
export function selectorLabels(farm: string, component: Component): Readonly<Record<string, string>> {
  return { [labels.name]: "vaultfarm", [labels.farm]: farm, [labels.component]: components[component] };
}

/** The same as text, as autoscalers and lists read it. */
export function selectorText(farm: string, component: Component): string {
  return Object.entries(selectorLabels(farm, component))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** Labels of an object of the farm; `component`: of which it is a part. */
export function objectLabels({ name, uid }: FarmIdentity, component?: Component): Readonly<Record<string, string>> {
  const own = component === undefined ? {} : { [labels.component]: components[component] };
  return { [labels.name]: "vaultfarm", [labels.managedBy]: "vaultfarm-operator", [labels.farm]: name, [labels.farmUid]: uid, ...own };
}

/** Labels of the pod of a node. */
export function nodePodLabels(farm: FarmIdentity, node: string): Readonly<Record<string, string>> {
  return { ...objectLabels(farm, "node"), [labels.node]: node };
}

/** The farm as owner: its objects go with it. */
export function ownedByFarm({ name, uid }: FarmIdentity): OwnerReference {
  return { apiVersion, kind: "VaultFarm", name, uid, controller: true, blockOwnerDeletion: true };
}

/** A VaultNode as owner: its pod goes with it. */
export function ownedByNode({ name, uid }: { readonly name: string; readonly uid: string }): OwnerReference {
  return { apiVersion, kind: "VaultNode", name, uid, controller: true, blockOwnerDeletion: true };
}

/** Metadata of an object that goes with the farm. */
export function farmMeta(farm: FarmIdentity, name: string, component?: Component): ObjectMeta {
  return { name, namespace: farm.namespace, labels: objectLabels(farm, component), ownerReferences: [ownedByFarm(farm)] };
}
