// What a cluster does beside its API server, as far as a farm meets it: a scheduler, machines that run pods, volumes that are
// bound and grow, deployments, and a collector of what lost its owner. One pass every half second of virtual time.
import {
  accounts,
  budgets,
  claims,
  configMaps,
  deployments,
  farms,
  machines,
  nodeRecords,
  pods,
  policies,
  secrets,
  services,
  storageClasses,
  volumes,
} from "../../../src/operator/cluster/resources.ts";
import { collectionPath, type KubeObject, type Resource } from "../../../src/operator/kube/resource.ts";
import { readNetworkSecret } from "../../../src/operator/manifests/network-secret.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import type { FakeObjects } from "../fake-api-objects.ts";
import type { SimulatedNodes } from "./simulated-nodes.ts";

export type SimulatedCluster = {
  stop(): void;
  /** Whether the machine runs pods. */
  setMachine(name: string, ready: boolean): void;
};

type Json = Readonly<Record<string, unknown>>;
type Seen = KubeObject & { readonly spec?: Json; readonly status?: Json; readonly data?: Readonly<Record<string, string>> };
type Parts = { readonly objects: FakeObjects; readonly nodes: SimulatedNodes; readonly clock: Clock };

const passMs = 500;
const zones = ["za", "zb", "zc"];
const [podHold, claimHold] = ["test/kubelet", "kubernetes.io/pvc-protection"];
const write = { manager: "cluster", subresource: undefined };
const owned: readonly Resource[] = [nodeRecords, pods, accounts, services, deployments, budgets, policies, configMaps, secrets];
const ipOf = (number: number): string => `10.1.${number >> 8}.${number & 255}`;

/** A cluster of `count` machines in three zones, with a storage class. */
export function startSimulatedCluster(parts: Parts, count: number): SimulatedCluster {
  const { objects, clock } = parts;
  for (let i = 0; i < count; i += 1) {
    const labels = { "topology.kubernetes.io/zone": zones[i % zones.length] ?? "", "kubernetes.io/hostname": `m${i}` };
    objects.create(collectionPath(machines), { ...named("v1", "Node", `m${i}`), metadata: { name: `m${i}`, labels } }, write);
    setReady(parts, `m${i}`, true);
  }
  objects.create(collectionPath(storageClasses), named("storage.k8s.io/v1", "StorageClass", "fast"), write);
  let timer = clock.after(0, pass);
  function pass(): void {
    collect(parts);
    for (const claim of all(parts, claims)) keepClaim(parts, claim);
    for (const pod of all(parts, pods)) keepPod(parts, pod);
    for (const deployment of all(parts, deployments)) keepDeployment(parts, deployment);
    for (const service of all(parts, services)) keepService(parts, service);
    parts.nodes.pass();
    timer = clock.after(passMs, pass);
  }
  return { stop: () => timer.cancel(), setMachine: (name, ready) => setReady(parts, name, ready) };
}

function named(apiVersion: string, kind: string, name: string): KubeObject {
  return { apiVersion, kind, metadata: { name } };
}

function all({ objects }: Parts, resource: Resource): readonly Seen[] {
  return [...objects.list(collectionPath(resource), undefined)];
}

function merge({ objects }: Parts, resource: Resource, { metadata }: KubeObject, patch: Json): void {
  objects.merge(collectionPath(resource), metadata as { name: string; namespace: string }, { ...patch }, write);
}

function say({ objects }: Parts, resource: Resource, { metadata }: KubeObject, status: Json): void {
  const at = metadata as { name: string; namespace: string };
  objects.merge(collectionPath(resource), at, { status }, { manager: "cluster", subresource: "status" });
}

function sayReady(parts: Parts, resource: Resource, object: KubeObject, ready: boolean): void {
  const lastTransitionTime = new Date(parts.clock.wallMs()).toISOString();
  say(parts, resource, object, { conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime }] });
}

function setReady(parts: Parts, name: string, ready: boolean): void {
  sayReady(parts, machines, { metadata: { name } }, ready);
  for (const pod of all(parts, pods).filter(({ spec }) => spec?.["nodeName"] === name)) {
    if (!ready) parts.nodes.stop(pod.metadata.name);
    if (!ready) sayReady(parts, pods, pod, false);
    else run(parts, pod, String(pod.status?.["podIP"]));
  }
}

// An object whose every owner is gone goes too.
function collect(parts: Parts): void {
  const alive = new Set([farms, nodeRecords].flatMap((resource) => all(parts, resource).map(({ metadata }) => metadata.uid)));
  for (const resource of owned)
    for (const object of all(parts, resource)) {
      const owners = object.metadata.ownerReferences ?? [];
      const orphan = owners.length > 0 && owners.every(({ uid }) => !alive.has(uid));
      if (orphan && object.metadata.deletionTimestamp === undefined)
        parts.objects.remove(collectionPath(resource), object.metadata as { name: string }, {});
    }
}

function keepClaim(parts: Parts, claim: Seen): void {
  const { name, finalizers = [], deletionTimestamp, uid = "" } = claim.metadata;
  const resources = (claim.spec?.["resources"] ?? {}) as { readonly requests?: { readonly storage: string } };
  const storage = resources.requests?.storage;
  if (deletionTimestamp !== undefined) {
    if (all(parts, pods).some(({ metadata }) => metadata.name === name && parts.nodes.running.has(name))) return;
    parts.nodes.dropVolume(uid);
    merge(parts, claims, claim, { metadata: { finalizers: finalizers.filter((one) => one !== claimHold) } });
    return;
  }
  if (claim.status?.["phase"] !== "Bound") {
    const volumeName = `pv-${uid}`;
    parts.objects.create(collectionPath(volumes), { ...named("v1", "PersistentVolume", volumeName), spec: {} } as KubeObject, write);
    merge(parts, claims, claim, { metadata: { finalizers: [claimHold] }, spec: { volumeName } });
  }
  if ((claim.status?.["capacity"] as Json | undefined)?.["storage"] !== storage)
    say(parts, claims, claim, { phase: "Bound", capacity: { storage } });
}

function keepPod(parts: Parts, pod: Seen): void {
  const { name, deletionTimestamp, finalizers = [] } = pod.metadata;
  const { nodes, clock } = parts;
  if (deletionTimestamp !== undefined) {
    if (clock.wallMs() - Date.parse(deletionTimestamp) < 2 * passMs) return;
    nodes.stop(name);
    merge(parts, pods, pod, { metadata: { finalizers: finalizers.filter((one) => one !== podHold) } });
    return;
  }
  if (pod.spec?.["nodeName"] === undefined) return place(parts, pod);
  const ready = nodes.isReady(name);
  const shown = (pod.status?.["conditions"] as readonly { readonly status: string }[] | undefined)?.[0]?.status === "True";
  if (ready !== shown) sayReady(parts, pods, pod, ready);
}

// On the machine with the fewest, once its volume is there.
function place(parts: Parts, pod: Seen): void {
  const bound = all(parts, claims).some(({ metadata, status }) => metadata.name === pod.metadata.name && status?.["phase"] === "Bound");
  if (!bound) return;
  const busy = (name: string): number => all(parts, pods).filter(({ spec }) => spec?.["nodeName"] === name).length;
  const isReady = ({ status }: Seen): boolean => ((status?.["conditions"] ?? []) as readonly { status: string }[])[0]?.status === "True";
  const fit = all(parts, machines).filter((machine) => isReady(machine) && machine.spec?.["unschedulable"] !== true);
  const [machine] = [...fit].sort((a, b) => busy(a.metadata.name) - busy(b.metadata.name));
  if (machine === undefined) return;
  const podIP = ipOf(parts.objects.version());
  merge(parts, pods, pod, { metadata: { finalizers: [podHold] }, spec: { nodeName: machine.metadata.name } });
  say(parts, pods, pod, { phase: "Running", podIP, startTime: new Date(parts.clock.wallMs()).toISOString() });
  run(parts, { ...pod, spec: { ...pod.spec, nodeName: machine.metadata.name } }, podIP);
}

function run(parts: Parts, pod: Seen, ip: string): void {
  const { name, namespace = "", labels = {} } = pod.metadata;
  const at = { namespace, name: `${labels["vaultfarm.dev/farm"]}-network` };
  const secret = parts.objects.get(collectionPath(secrets), at) as Seen;
  const read = readNetworkSecret(secret.data);
  const [container] = (pod.spec?.["containers"] ?? []) as readonly { readonly env: readonly { name: string; value?: string }[] }[];
  const env = (key: string): string => container?.env.find((one) => one.name === key)?.value ?? "";
  const claim = all(parts, claims).find(({ metadata }) => metadata.name === name);
  if (!read.ok || claim === undefined) return;
  const machine = { host: String(pod.spec?.["nodeName"]), volume: claim.metadata.uid ?? "", keys: read.keys };
  const settings = { capacity: Number(env("VAULTFARM_VAULT_CAPACITY")), vaults: Number(env("VAULTFARM_VAULTS") || 1) };
  parts.nodes.start({ name, ip, ...machine, ...settings, founder: env("VAULTFARM_FOUNDER") === "true" });
}

function keepDeployment(parts: Parts, deployment: Seen): void {
  const replicas = Number(deployment.spec?.["replicas"] ?? 0);
  const granted = all(parts, secrets).some(({ metadata }) => metadata.name.endsWith("-gateway-grant"));
  const readyReplicas = granted ? replicas : 0;
  if (deployment.status?.["readyReplicas"] !== readyReplicas) say(parts, deployments, deployment, { readyReplicas });
}

function keepService(parts: Parts, service: Seen): void {
  if (service.spec?.["clusterIPs"] !== undefined) return;
  const headless = service.spec?.["clusterIP"] === "None";
  merge(parts, services, service, { spec: { clusterIPs: [headless ? "None" : "10.96.0.7"] } });
}
