// The pod of a vault node: one process with its volume. Made once and never changed; another template means another pod.
import { adminPort, healthPort } from "../../protocol/ports.ts";
import { readConfig, toEnv } from "../../vault-node/config.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { startTakesMs } from "../vault-farm/plan-stop.ts";
import {
  dataMount,
  memberContainer,
  memberFiles,
  memberPod,
  networkMount,
  networkVolume,
  peerPorts,
  peersMount,
  peersVolume,
} from "./farm-pod.ts";
import { annotations, type FarmIdentity, type Manifest, nodePodLabels, objectNames, ownedByNode } from "./names.ts";
import { type PodImage, podEnv, podIpVariable, podSecurity, temporaryMount, temporaryVolume } from "./pod-security.ts";
import { vaultNodeAffinity } from "./vault-node-affinity.ts";

/** Time for a goodbye and for copies of what is young and would have too few meanwhile. */
const stopGraceSeconds = 60;

/** One vault node, as its pod is made. `capacity`: bytes that each vault declares; `template`: see `templateHash`; `zone`: empty where the cluster has none. */
export type NodePodParts = {
  readonly farm: FarmIdentity;
  readonly node: { readonly name: string; readonly uid: string };
  readonly spec: VaultFarmSpec;
  readonly zone: string;
  readonly capacity: number;
  readonly template: string;
  /** Whether it may be ready without having met another node. */
  readonly founder: boolean;
  /** Signs admin commands; 64 hexadecimal digits. */
  readonly adminPublicKey: string;
  readonly image: PodImage;
};

/** The pod; it is controlled by its VaultNode. */
export function vaultNodePod(parts: NodePodParts): Manifest {
  const { farm, node, spec, image } = parts;
  const { pod } = spec;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: node.name,
      namespace: farm.namespace,
      labels: nodePodLabels(farm, node.name),
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": String(healthPort),
        ...pod.annotations,
        [annotations.template]: parts.template,
        [annotations.capacity]: String(parts.capacity),
      },
      ownerReferences: [ownedByNode(node)],
    },
    spec: {
      ...memberPod({ image, account: objectNames.nodeAccount(farm.name), stopGraceSeconds }),
      securityContext: { ...podSecurity, ...pod.securityContext },
      ...(pod.priorityClassName === undefined ? {} : { priorityClassName: pod.priorityClassName }),
      nodeSelector: pod.nodeSelector,
      tolerations: pod.tolerations,
      affinity: vaultNodeAffinity(farm.name, spec, parts.zone),
      containers: [containerOf(parts)],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: node.name } }, networkVolume(farm), peersVolume(farm), temporaryVolume],
    },
  };
}

function containerOf(parts: NodePodParts): Readonly<Record<string, unknown>> {
  const { spec, image } = parts;
  return {
    ...memberContainer(image, "vault-node", { port: "health", startSeconds: startTakesMs / 1000 }),
    env: [
      podIpVariable,
      { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ...podEnv(nodeEnv(parts)),
      // By reference, so that they are the pod's own.
      { name: "VAULTFARM_LISTEN_IP", value: "$(POD_IP)" },
      { name: "VAULTFARM_HOST", value: "$(NODE_NAME)" },
    ],
    ports: [...peerPorts, { name: "health", containerPort: healthPort }, { name: "admin", containerPort: adminPort }],
    // Requests of processor time and no limit: a throttled node is silent for up to 100 ms, which its watchers take for death.
    resources: { requests: spec.pod.resources.requests, limits: spec.pod.resources.limits },
    volumeMounts: [dataMount, networkMount, peersMount, temporaryMount],
  };
}

/** The environment of the node, without what only the pod itself knows. */
function nodeEnv({ spec, zone, capacity, founder, adminPublicKey }: NodePodParts): Readonly<Record<string, string>> {
  const env = {
    ...memberFiles("node"),
    VAULTFARM_ADMIN_PUBLIC_KEY: adminPublicKey,
    VAULTFARM_VAULT_CAPACITY: String(capacity),
  };
  const all = toEnv({
    ...readConfig(env),
    vaults: spec.vaultsPerNode,
    founder,
    zone,
    profile: spec.network.profile,
    stopGraceMs: stopGraceSeconds * 1000,
    repairDelayMs: spec.repair.delaySeconds * 1000,
  });
  const { VAULTFARM_LISTEN_IP: _ip, VAULTFARM_HOST: _host, ...rest } = all;
  return rest;
}
