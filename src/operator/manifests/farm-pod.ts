// What the pods of a farm's members have in common, vault nodes and gateways: the network's files and first peers, where they
// lie and are mounted, the ports on which peers meet them, and how they are probed and stopped.
import { heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import { type FarmIdentity, objectNames } from "./names.ts";
import { networkSecretKeys } from "./network-secret.ts";
import { containerSecurity, type PodImage, podSecurity, pullSecretsOf } from "./pod-security.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Where a member finds its files. */
export const memberPaths = { data: "/data", network: "/etc/vaultfarm/network", peers: "/etc/vaultfarm/peers" } as const;

/** What the kubelet gives beyond the member's own grace, seconds. */
const graceMarginSeconds = 15;

export type MemberPodParts = { readonly image: PodImage; readonly account: string; readonly stopGraceSeconds: number };

/** Fields of a pod's `spec`. `account`: name of the service account that it runs under. */
export function memberPod({ image, account, stopGraceSeconds }: MemberPodParts): Fields {
  return {
    serviceAccountName: account,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: stopGraceSeconds + graceMarginSeconds,
    securityContext: podSecurity,
    ...pullSecretsOf(image),
  };
}

/** The volume "network". Of the Secret only what members may know: not the keys that command nodes. */
export function networkVolume(farm: FarmIdentity): Fields {
  const items = [networkSecretKeys.genesis, networkSecretKeys.networkKey].map((key) => ({ key, path: key }));
  return { name: "network", secret: { secretName: objectNames.network(farm.name), defaultMode: 0o440, items } };
}

/** The volume "peers": whom to dial first. */
export function peersVolume(farm: FarmIdentity): Fields {
  return { name: "peers", configMap: { name: objectNames.peers(farm.name), optional: true } };
}

/** Their mounts, and that of the volume "data". */
export const dataMount: Fields = { name: "data", mountPath: memberPaths.data };
export const networkMount: Fields = { name: "network", mountPath: memberPaths.network, readOnly: true };
export const peersMount: Fields = { name: "peers", mountPath: memberPaths.peers, readOnly: true };

/** Settings that name the mounted files. `folder`: below the volume's root, where file systems put things of their own. */
export function memberFiles(folder: string): Readonly<Record<string, string>> {
  return {
    VAULTFARM_DATA_DIR: `${memberPaths.data}/${folder}`,
    VAULTFARM_GENESIS_FILE: `${memberPaths.network}/${networkSecretKeys.genesis}`,
    VAULTFARM_NETWORK_KEY_FILE: `${memberPaths.network}/${networkSecretKeys.networkKey}`,
    VAULTFARM_PEERS_FILE: `${memberPaths.peers}/peers.json`,
  };
}

const control: Fields = { name: "libp2p", containerPort: libp2pPort };

/** Ports on which peers meet a member. */
export const peerPorts: readonly Fields[] = [
  control,
  { name: "lane", containerPort: lanePort },
  { name: "heartbeat", containerPort: heartbeatPort, protocol: "UDP" },
];

/** Fields of a container that runs the program `program` of the image; `startSeconds`: within which it has started. */
export function memberContainer(
  image: PodImage,
  program: "vault-node" | "gateway",
  { port, httpHeaders, startSeconds }: { readonly port: string; readonly httpHeaders?: readonly Fields[]; readonly startSeconds: number },
): Fields {
  const headers = httpHeaders === undefined ? {} : { httpHeaders };
  const probe = (path: string): Fields => ({ httpGet: { path, port, ...headers }, timeoutSeconds: 5 });
  return {
    name: program,
    image: image.image,
    imagePullPolicy: image.pullPolicy,
    args: [`/app/dist/${program}/main.js`],
    startupProbe: { ...probe("/healthz"), periodSeconds: 2, failureThreshold: startSeconds / 2 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 15, failureThreshold: 4 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 5 },
    securityContext: containerSecurity,
  };
}
