// A cluster beside a real API server, for the operator's bench: no kubelet, no containers. Claims are bound, pods get a machine
// and an address of the loopback, deployments are ready at once, and at those addresses nodes answer as real ones would.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { claims, deployments, type FarmObject, farms, pods, secrets } from "../src/operator/cluster/resources.ts";
import { createReflector, type KubeClient, type KubeObject, objectKey, type Reflector, type Resource } from "../src/operator/kube/index.ts";
import { wholeObject } from "../src/operator/kube/projection.ts";
import { labels } from "../src/operator/manifests/names.ts";
import { type NetworkKeys, readNetworkSecret } from "../src/operator/manifests/network-secret.ts";
import { adminSignatureHeader } from "../src/protocol/admin-request.ts";
import { adminPort, healthPort } from "../src/protocol/ports.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { systemRandom } from "../src/runtime/random.ts";
import { must } from "../test/support/kube-api.contract.ts";
import { silentReflectorMetrics } from "../test/support/kube-silence.ts";
import { createSimulatedNodes, type SimulatedNodes } from "../test/support/operator/simulated-nodes.ts";

type Json = Readonly<Record<string, unknown>>;
type Seen = KubeObject & { readonly spec?: Json; readonly status?: Json };

export type BenchCluster = {
  readonly farms: Reflector<FarmObject>;
  readonly pods: Reflector<Seen>;
  readonly deployments: Reflector<Seen>;
  stop(): Promise<void>;
};

/** Gives a pod to a machine, which the client of the operator has no call for. */
export type Bind = (namespace: string, pod: string, machine: string) => Promise<void>;

type Farm = { readonly nodes: SimulatedNodes; readonly keys: Promise<NetworkKeys> };
type World = {
  readonly client: KubeClient;
  readonly bind: Bind;
  readonly machines: readonly string[];
  readonly farms: Map<string, Farm>;
  readonly byIp: Map<string, SimulatedNodes>;
  /** Started and not yet shown as ready, by key. */
  readonly starting: Map<string, { readonly pod: Seen; readonly nodes: SimulatedNodes }>;
  placed: number;
};

/** Changes that are carried out side by side, as a scheduler and kubelets would. */
const handsAtOnce = 12;
const lookEveryMs = 300;

/** Runs the cluster until it is stopped. */
export async function startBenchCluster(client: KubeClient, bind: Bind, machines: readonly string[]): Promise<BenchCluster> {
  const world: World = { client, bind, machines, farms: new Map(), byIp: new Map(), starting: new Map(), placed: 0 };
  const hands = createHands();
  const ours = { labelSelector: labels.farm };
  const cachesByKind = {
    farms: follow<FarmObject>(client, farms),
    pods: follow<Seen>(client, pods, ours),
    claims: follow<Seen>(client, claims, ours),
    deployments: follow<Seen>(client, deployments, ours),
  };
  cachesByKind.claims.onChange((change) => change.kind === "added" && hands.add(() => bindClaim(world, change.object)));
  cachesByKind.pods.onChange((change) => change.kind === "added" && hands.add(() => runPod(world, change.object)));
  cachesByKind.deployments.onChange((change) => change.kind !== "removed" && hands.add(() => keepDeployment(world, change.object)));
  const servers = await Promise.all([healthPort, adminPort].map((port) => listen(world, port)));
  const ended = new AbortController();
  const looking = lookForReady(world, hands, ended.signal);
  for (const cache of Object.values(cachesByKind)) {
    await cache.start?.(ended.signal);
    await cache.whenSynced(AbortSignal.timeout(60_000));
  }
  return {
    ...cachesByKind,
    stop: async () => {
      ended.abort(new Error("the bench ends"));
      await looking;
      for (const cache of Object.values(cachesByKind)) await cache.stop?.();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

function follow<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  some: { readonly labelSelector?: string } = {},
): Reflector<T> {
  return createReflector<T>(
    { resource, project: wholeObject as (object: KubeObject) => T, ...some },
    { client, clock: systemClock, random: systemRandom, log: silentLog, metrics: silentReflectorMetrics },
  );
}

type Hands = { add(job: () => Promise<void>): void };

function createHands(): Hands {
  const jobs: (() => Promise<void>)[] = [];
  let busy = 0;
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift())
      await job().catch((error: unknown) => console.log(`the cluster could not do something: ${error}`));
    busy -= 1;
  };
  return {
    add: (job) => {
      jobs.push(job);
      if (busy >= handsAtOnce) return;
      busy += 1;
      void work();
    },
  };
}

const nameOf = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace ?? "", name: metadata.name });

async function say({ client }: World, resource: Resource, object: KubeObject, status: Json): Promise<void> {
  must(await client.patch(resource, nameOf(object), { type: "merge", body: { status } }, { subresource: "status" }));
}

function bindClaim(world: World, claim: Seen): Promise<void> {
  const resources = claim.spec?.["resources"] as { readonly requests: { readonly storage: string } };
  return say(world, claims, claim, { phase: "Bound", capacity: { storage: resources.requests.storage } });
}

function keepDeployment(world: World, deployment: Seen): Promise<void> {
  const replicas = Number(deployment.spec?.["replicas"] ?? 0);
  if (deployment.status?.["readyReplicas"] === replicas) return Promise.resolve();
  const counts = { replicas, readyReplicas: replicas, updatedReplicas: replicas, availableReplicas: replicas };
  return say(world, deployments, deployment, { ...counts, observedGeneration: deployment.metadata.generation });
}

async function runPod(world: World, pod: Seen): Promise<void> {
  const { namespace, name } = nameOf(pod);
  if (pod.metadata.labels?.[labels.node] === undefined) return;
  const farm = farmOf(world, namespace, pod.metadata.labels[labels.farm] ?? "");
  const keys = await farm.keys;
  const number = world.placed;
  world.placed += 1;
  const host = world.machines[number % world.machines.length] ?? "";
  const ip = `127.20.${number >> 8}.${number & 255}`;
  await world.bind(namespace, name, host);
  const [container] = (pod.spec?.["containers"] ?? []) as readonly { readonly env: readonly { name: string; value?: string }[] }[];
  const env = (key: string): string => container?.env.find((one) => one.name === key)?.value ?? "";
  const settings = { capacity: Number(env("VAULTFARM_VAULT_CAPACITY")), vaults: Number(env("VAULTFARM_VAULTS") || 1) };
  world.byIp.set(ip, farm.nodes);
  farm.nodes.start({ name, ip, host, keys, ...settings, volume: objectKey(pod.metadata), founder: env("VAULTFARM_FOUNDER") === "true" });
  const running = { phase: "Running", podIP: ip, podIPs: [{ ip }], startTime: `${new Date().toISOString().slice(0, 19)}Z` };
  await say(world, pods, pod, { ...running, conditions: [{ type: "Ready", status: "False" }] });
  world.starting.set(objectKey(pod.metadata), { pod, nodes: farm.nodes });
}

function farmOf(world: World, namespace: string, name: string): Farm {
  const key = `${namespace}/${name}`;
  const known = world.farms.get(key);
  if (known !== undefined) return known;
  const read = async (): Promise<NetworkKeys> => {
    const reading = readNetworkSecret(must(await world.client.get(secrets, { namespace, name: `${name}-network` })).data);
    if (!reading.ok) throw new Error(reading.why);
    return reading.keys;
  };
  const farm = { nodes: createSimulatedNodes(systemClock, { customers: true }), keys: read() };
  world.farms.set(key, farm);
  return farm;
}

async function lookForReady(world: World, hands: Hands, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const [key, { pod, nodes }] of world.starting) {
      if (!nodes.isReady(pod.metadata.name)) continue;
      world.starting.delete(key);
      hands.add(() => say(world, pods, pod, { conditions: [{ type: "Ready", status: "True" }] }));
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function listen(world: World, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    answer(world, port, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Every address of the loopback is a pod's.
    server.listen({ host: "0.0.0.0", port, backlog: 1024 }, resolve);
  });
  return server;
}

async function answer({ byIp }: World, port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const ip = request.socket.localAddress ?? "";
  const signature = request.headers[adminSignatureHeader]?.toString();
  const reply = await byIp.get(ip)?.call({
    ...{ method: request.method as "GET", ip, port, path: request.url ?? "", body: new Uint8Array(Buffer.concat(pieces)), timeoutMs: 0 },
    headers: signature === undefined ? {} : { [adminSignatureHeader]: signature },
  });
  if (reply === undefined) return void response.destroy();
  const signed = reply.header(adminSignatureHeader);
  response.writeHead(reply.status, signed === undefined ? {} : { [adminSignatureHeader]: signed });
  response.end(reply.body);
}
