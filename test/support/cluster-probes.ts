// Connections tried between pods of a cluster, and whether the cluster enforces network policies at all: found out by shutting
// a listener that was reached before.
import { image, type Release } from "./cluster-farm.ts";
import { until } from "./deadline.ts";

/** A TCP port of a pod. */
export type Target = { readonly ip: string; readonly port: number };

type Pod = { readonly status?: { readonly podIP?: string } };

const listenerPort = 4001;
/** How long one attempt may take, milliseconds: what a policy shuts is mostly silent. */
const attemptMs = 3000;
/** Plug-ins take a policy up within seconds. */
const takenUpMs = 30_000;

/** Starts a pod of the image under test that takes connections at one port and does nothing else; where it is reached. */
export async function startListener(release: Release, name: string, labels: Readonly<Record<string, string>>): Promise<Target> {
  await release.apply(listenerPod(name, labels));
  await release.kubectl("wait", "pod", name, "--for=condition=Ready", "--timeout=90s");
  const pod = await release.views.get<Pod>(`/api/v1/namespaces/${release.namespace}/pods/${name}`);
  const ip = pod?.status?.podIP;
  if (ip === undefined) throw new Error(`pod ${name} is ready and has no address`);
  return { ip, port: listenerPort };
}

// As restricted Pod Security wants it.
function listenerPod(name: string, labels: Readonly<Record<string, string>>): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "listener",
          image,
          imagePullPolicy: "IfNotPresent",
          args: ["--eval", `require("node:net").createServer((socket) => socket.on("error", () => {}).end()).listen(${listenerPort})`],
          readinessProbe: { tcpSocket: { port: listenerPort }, periodSeconds: 1 },
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
          resources: { requests: { cpu: "10m", memory: "32Mi" } },
        },
      ],
    },
  };
}

/** Which of `targets` a connection from inside `pod` reaches, in their order. `pod`: as kubectl names it. */
export async function reached(release: Release, pod: string, targets: readonly Target[]): Promise<readonly boolean[]> {
  const code = `
    const { connect } = require("node:net");
    const attempt = ({ ip, port }) => new Promise((done) => {
      const socket = connect({ host: ip, port, timeout: ${attemptMs} });
      const end = (open) => { socket.destroy(); done(open); };
      socket.on("connect", () => end(true)).on("timeout", () => end(false)).on("error", () => end(false));
    });
    Promise.all(${JSON.stringify(targets)}.map(attempt)).then((all) => console.log(JSON.stringify(all)));`;
  return JSON.parse(await release.kubectl("exec", pod, "--", "node", "--eval", code)) as readonly boolean[];
}

/**
 * Whether the cluster enforces network policies: a connection that works is shut by one, and works again without it. Throws
 * where it never works, or not again.
 */
export async function enforcesPolicies(release: Release): Promise<boolean> {
  const policy = "shut";
  const listener = await startListener(release, "listener", { probe: "listener" });
  await startListener(release, "caller", { probe: "caller" });
  const isOpen = async (): Promise<boolean> => (await reached(release, "caller", [listener]))[0] === true;
  await until("one pod reaches another", isOpen);
  await release.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: policy },
    spec: { podSelector: { matchLabels: { probe: "listener" } }, policyTypes: ["Ingress"] },
  });
  // Twice, since one attempt may fail for another reason.
  const isShut = until("a policy shuts it", async () => !(await isOpen()) && !(await isOpen()), takenUpMs);
  const enforces = await isShut.then(
    () => true,
    () => false,
  );
  await release.kubectl("delete", "networkpolicy", policy);
  await until("one pod reaches another again", isOpen);
  return enforces;
}

type Slice = { readonly endpoints: readonly { readonly addresses: readonly string[] }[] };

/**
 * Opens the metrics port of vault nodes to the API server, as `docs/kubernetes/install.md` tells whoever wants live numbers:
 * its proxy, which the plugin asks through, is on no machine of the nodes.
 */
export async function openToApiServer(release: Release): Promise<void> {
  const slice = await release.views.get<Slice>("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");
  const addresses = slice?.endpoints.flatMap((endpoint) => endpoint.addresses) ?? [];
  if (addresses.length === 0) throw new Error("the Service kubernetes leads to no API server");
  await release.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "api-server-to-vault-nodes" },
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": "vaultfarm", "app.kubernetes.io/component": "vault-node" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: addresses.map((address) => ({ ipBlock: { cidr: `${address}/${address.includes(":") ? 128 : 32}` } })),
          ports: [{ port: 9090 }],
        },
      ],
    },
  });
}
