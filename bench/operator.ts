// The operator's bench: the real program against a real API server, with farms whose nodes are simulated in this process.
// How long until all is made and settled, what it costs in memory and CPU, how soon a change is applied, what is written
// where nothing happens, whether Secrets of others cost anything, and how soon a standby takes over.

import { Agent, request as startRequest } from "node:https";
import { calmMs } from "../src/operator/cluster/reconcile-farm.ts";
import { type FarmObject, farms, machines, secrets, storageClasses } from "../src/operator/cluster/resources.ts";
import { type KubeClient, type KubeObject, openKubeClient } from "../src/operator/kube/index.ts";
import { statusEveryMs } from "../src/operator/vault-farm/status-write.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { seededRandom, systemRandom } from "../src/runtime/random.ts";
import { type ApiServer, startApiServer } from "../test/support/api-server.ts";
import { bringKinds } from "../test/support/bring-kinds.ts";
import { until } from "../test/support/deadline.ts";
import { must } from "../test/support/kube-api.contract.ts";
import { namespaces } from "../test/support/kube-kinds.ts";
import { silentKubeMetrics } from "../test/support/kube-silence.ts";
import { type BenchCluster, type Bind, startBenchCluster } from "./operator-cluster.ts";
import { type BenchOperator, buildOperator, serverCalls, startOperator } from "./operator-process.ts";
import { type Bench, type BenchOptions, median, percentile, type Result, summarise } from "./result.ts";

const replicas = 10;
const farmsANamespace = 50;
const machineCount = 30;
const changes = 200;
const gatewaysMax = 64;
const secretCount = 10_000;
const atOnce = 16;
const healthPorts = [19_190, 19_191] as const;
const longMs = 1_800_000;
const farmSpec = { replicas, vaultsPerNode: 2, vaultCapacity: "1Gi", storage: { storageClassName: "fast" } };

type Scene = {
  readonly server: ApiServer;
  readonly client: KubeClient;
  readonly cluster: BenchCluster;
  readonly operator: BenchOperator;
  readonly count: number;
};

const one = (what: string, unit: string, values: readonly number[]): Result => summarise({ bench: "operator", what, unit }, values);
const secondsSince = (begun: number): number => (performance.now() - begun) / 1000;
const farmName = (number: number) => ({ namespace: `farms-${Math.floor(number / farmsANamespace)}`, name: `farm-${number}` });

async function each(count: number, make: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) await make(number);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What is in a cluster before an operator is installed. The machines' names. */
async function furnish(client: KubeClient, count: number): Promise<readonly string[]> {
  await bringKinds(client);
  must(await client.create(storageClasses, { metadata: { name: "fast" }, provisioner: "bench/none" } as KubeObject));
  for (let number = 0; number * farmsANamespace < count; number += 1)
    must(await client.create(namespaces, { metadata: { name: `farms-${number}` } }));
  const names = Array.from({ length: machineCount }, (_, number) => `m${number}`);
  for (const [number, name] of names.entries()) {
    const labels = { "topology.kubernetes.io/zone": `z${number % 3}`, "kubernetes.io/hostname": name };
    must(await client.create(machines, { metadata: { name, labels } }));
    const status = { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] };
    must(await client.patch(machines, { name }, { type: "merge", body: { status } }, { subresource: "status" }));
  }
  return names;
}

/** Bindings, over connections that stay. */
async function binder(server: ApiServer, agent: Agent): Promise<Bind> {
  const { ca = "" } = await server.config.tls.files();
  const { hostname, port } = server.config.server;
  const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/json" };
  return (namespace, name, machine) =>
    new Promise((resolve, reject) => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/binding`;
      const sent = startRequest({ hostname, port, path, method: "POST", headers, ca, agent }, (answer) => {
        answer.resume();
        answer.once("end", () => (answer.statusCode === 201 ? resolve() : reject(new Error(`binding: status ${answer.statusCode}`))));
      });
      sent.once("error", reject);
      const target = { apiVersion: "v1", kind: "Node", name: machine };
      sent.end(JSON.stringify({ apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target }));
    });
}

function isSettled({ status }: FarmObject): boolean {
  const conditions = (status?.["conditions"] ?? []) as readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
  }[];
  const is = (type: string, wanted: string): boolean =>
    conditions.some((one) => one.type === type && [one.status, one.reason].includes(wanted));
  return status?.["readyNodes"] === replicas && is("Progressing", "Settled") && is("GatewayReady", "True");
}

async function create({ client, cluster, operator, count }: Scene): Promise<readonly Result[]> {
  const [begun, cpuBefore, callsBefore] = [performance.now(), operator.cpuSeconds(), await serverCalls(client)];
  await each(count, async (number) => void must(await client.create(farms, { metadata: farmName(number), spec: farmSpec } as FarmObject)));
  const created = secondsSince(begun);
  // Takes minutes with many farms; whoever waits sees that it goes on.
  const telling = setInterval(() => {
    const { now } = operator.memory();
    console.log(
      `  ${secondsSince(begun).toFixed(0)} s: ${nodePods()} pods, ${settledFarms()} farms settled, ${now.toFixed(0)} MiB, ${operator.cpuSeconds().toFixed(0)} CPU-s`,
    );
  }, 15_000);
  const settledFarms = (): number => [...cluster.farms.store.values()].filter(isSettled).length;
  const nodePods = (): number => [...cluster.pods.store.values()].filter(({ metadata }) => metadata.labels?.["vaultfarm.dev/node"]).length;
  await until("all pods are made", () => nodePods() === count * replicas, longMs);
  const made = secondsSince(begun);
  await until("all farms are settled", () => settledFarms() === count, longMs);
  const settled = secondsSince(begun);
  clearInterval(telling);
  const callsAfter = await serverCalls(client);
  const what = `${count} farms, ${count * replicas} pods`;
  return [
    one(`${what}: farms created`, "s", [created]),
    one(`${what}: from the first to the last pod made`, "s", [made]),
    one(`${what}: until all are settled`, "s", [settled]),
    one("CPU of the operator until then", "CPU-s", [operator.cpuSeconds() - cpuBefore]),
    one("calls to the API server until then, the cluster's and its readers' among them", "calls", [callsAfter.all - callsBefore.all]),
    one("RSS of the operator, the most until then (at most 256)", "MiB", [operator.memory().most]),
  ];
}

/** From a person's change of a farm until what follows from it is in the cluster. */
async function applied({ client, cluster }: Scene, number: number): Promise<number> {
  const { namespace, name } = farmName(number);
  const key = { namespace, name: `${name}-gateway` };
  const wanted = (Number(cluster.deployments.store.get(key)?.spec?.["replicas"]) % gatewaysMax) + 1;
  const there = Promise.withResolvers<void>();
  waiters.set(`${namespace}/${key.name}`, () => {
    if (cluster.deployments.store.get(key)?.spec?.["replicas"] === wanted) there.resolve();
  });
  const begun = performance.now();
  must(await client.patch(farms, { namespace, name }, { type: "merge", body: { spec: { gateway: { replicas: wanted } } } }));
  await there.promise;
  waiters.delete(`${namespace}/${key.name}`);
  return performance.now() - begun;
}
const waiters = new Map<string, () => void>();

async function change(scene: Scene): Promise<readonly Result[]> {
  const random = seededRandom(1);
  const took: number[] = [];
  for (let i = 0; i < changes; i += 1) took.push(await applied(scene, Math.floor(random.fraction() * scene.count)));
  return [
    one("change to applied, median", "ms", [median(took)]),
    one("change to applied, p99 (less than 1000)", "ms", [percentile(took, 0.99)]),
  ];
}

/** What of a farm's status was written over what, one line each; of conditions those that say something else. */
function statusDiffers(before: FarmObject, object: FarmObject): readonly string[] {
  const [old, now] = [partsOf(before), partsOf(object)];
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter((part) => old.get(part) !== now.get(part));
  return differing.map((part) => `${part}: ${old.get(part) ?? "nothing"} → ${now.get(part) ?? "nothing"}`);
}

function partsOf({ status = {} }: FarmObject): ReadonlyMap<string, string> {
  const { conditions = [], ...fields } = status as { readonly conditions?: readonly { readonly type: string }[] };
  return new Map(
    [...Object.entries(fields), ...conditions.map((one) => [one.type, one] as const)].map(([part, value]) => [part, JSON.stringify(value)]),
  );
}

async function rest({ client, cluster, operator }: Scene, minutes: number): Promise<readonly Result[]> {
  // What was made and changed before is written by then, numbers alone too: those wait for their time, and then for the next look.
  await systemClock.sleep(statusEveryMs + 2 * calmMs);
  cluster.farms.onChange((change) => {
    if (change.kind !== "changed") return;
    const { namespace, name } = change.object.metadata;
    for (const line of statusDiffers(change.before, change.object)) console.log(`  ${namespace}/${name}, ${line}`);
  });
  const [before, cpuBefore, begun] = [await serverCalls(client), operator.cpuSeconds(), performance.now()];
  await systemClock.sleep(minutes * 60_000);
  const after = await serverCalls(client);
  const written = [...after.writes]
    .map(([what, count]) => [what, count - (before.writes.get(what) ?? 0)] as const)
    .filter(([, n]) => n > 0);
  for (const [what, count] of written) console.log(`  written: ${what}, ${count} times`);
  const writes = written.reduce((sum, [, count]) => sum + count, 0);
  return [
    one(`writes in ${minutes} min in which customers store and remove within a rounding step (none)`, "writes", [writes]),
    one("CPU of the operator at rest", "CPU-s a second", [(operator.cpuSeconds() - cpuBefore) / secondsSince(begun)]),
    one("RSS of the operator at rest", "MiB", [operator.memory().now]),
  ];
}

/** The least of what is seen in half a minute: between two collections. */
async function leastMemory(operator: BenchOperator): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 30; i += 1) {
    least = Math.min(least, operator.memory().now);
    await systemClock.sleep(1000);
  }
  return least;
}

async function unrelatedSecrets({ client, operator }: Scene): Promise<readonly Result[]> {
  const data = { filling: Buffer.alloc(1024, "x").toString("base64") };
  const before = await leastMemory(operator);
  await each(
    secretCount,
    async (number) => void must(await client.create(secrets, { metadata: { namespace: "default", name: `other-${number}` }, data })),
  );
  return [one("RSS more with 10,000 unrelated Secrets (at most 5)", "MiB", [(await leastMemory(operator)) - before])];
}

async function failover(scene: Scene): Promise<readonly Result[]> {
  const standby = startOperator(scene.server.kubeconfig, "two", healthPorts[1]);
  try {
    await standby.whenReady();
    await scene.operator.end("SIGKILL");
    const begun = performance.now();
    await applied(scene, 0);
    return [one("leader killed: until the standby has applied a change made then (less than 20)", "s", [secondsSince(begun)])];
  } finally {
    await standby.end("SIGTERM");
  }
}

async function play(server: ApiServer, { farms: count = 100, minutes = 2 }: BenchOptions): Promise<readonly Result[]> {
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  const client = openKubeClient(server.config, tools, { fieldManager: "bench", userAgent: "bench/1" });
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  try {
    const cluster = await startBenchCluster(client, await binder(server, agent), await furnish(client, count));
    cluster.deployments.onChange(
      (one) => one.kind !== "removed" && waiters.get(`${one.object.metadata.namespace}/${one.object.metadata.name}`)?.(),
    );
    const operator = startOperator(server.kubeconfig, "one", healthPorts[0]);
    const scene = { server, client, cluster, operator, count };
    try {
      await operator.whenReady();
      const results: Result[] = [];
      for (const part of [create, change, (it: Scene) => rest(it, minutes), unrelatedSecrets, failover]) {
        const rows = await part(scene);
        for (const { what, median: value, unit } of rows) console.log(`  ${what}: ${value.toFixed(1)} ${unit}`);
        results.push(...rows);
      }
      return results;
    } finally {
      await operator.end("SIGTERM");
      await cluster.stop();
    }
  } finally {
    agent.destroy();
    await client.close();
  }
}

async function run(options: BenchOptions): Promise<readonly Result[]> {
  buildOperator();
  const server = await startApiServer().catch((error: unknown) => {
    console.log(`operator is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (server === undefined) return [];
  try {
    return await play(server, options);
  } finally {
    await server.stop();
  }
}

export const bench: Bench = { name: "operator", run, onlyNamed: true };
