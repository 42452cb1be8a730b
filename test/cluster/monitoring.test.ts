// Proves on a real API server that a farm's ServiceMonitor is taken by it as it is written, stays as it is while the farm is
// looked at, and goes with its field; and that the farm says so while the cluster lacks the kind. Method: the whole operator,
// against etcd and kube-apiserver of its own; no pod ever runs.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type { IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { deployments, type FarmObject, farms, serviceMonitors } from "../../src/operator/cluster/resources.ts";
import type { KubeClient, KubeObject, Resource } from "../../src/operator/kube/index.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";
import { bringPrometheusKinds } from "../support/prometheus-kinds.ts";

const namespace = "default";
const longMs = 120_000;

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator();
});
after(() => operated?.stop());

type Shown = KubeObject & { readonly spec?: Readonly<Record<string, unknown>> };

async function found(resource: Resource, name: string): Promise<Shown | undefined> {
  const got = await client.get(resource, { namespace, name });
  if (!got.ok && got.error.code !== "not-found") throw got.error;
  return got.ok ? got.value : undefined;
}

async function edit(spec: Readonly<Record<string, unknown>>): Promise<void> {
  must(await client.patch(farms, { namespace, name: "attic" }, { type: "merge", body: { spec } }));
}

async function reason(): Promise<string | undefined> {
  const { status } = must(await client.get(farms, { namespace, name: "attic" })) as FarmObject;
  const conditions = (status?.["conditions"] ?? []) as readonly { readonly type: string; readonly reason: string }[];
  return conditions.find(({ type }) => type === "MonitoringReady")?.reason;
}

const relabelings: IServiceMonitor["spec"]["endpoints"][number]["relabelings"] = [
  { action: "replace", targetLabel: "farm", replacement: "attic" },
];
const wanted: IServiceMonitor["spec"] = {
  selector: { matchLabels: { "app.kubernetes.io/name": "vaultfarm", "vaultfarm.dev/farm": "attic" } },
  endpoints: [
    { port: "health", path: "/metrics", interval: "15s", relabelings },
    { port: "http", path: "/metrics", interval: "15s", relabelings },
  ],
};

test("a farm that wants a ServiceMonitor is told that the kind lacks, and has it once the cluster does", async () => {
  const monitoring = { serviceMonitor: true, interval: "15s", labels: { release: "prometheus" } };
  const spec = { replicas: 5, vaultCapacity: "1Gi", monitoring };
  must(await client.create<KubeObject>(farms, { metadata: { name: "attic", namespace }, spec } as KubeObject));
  await until("the farm says what lacks", async () => (await reason()) === "NoPrometheusOperator", longMs);
  await bringPrometheusKinds(client);
  // What was refused is tried again every minute.
  const made = await until("it is made", () => found(serviceMonitors, "attic-metrics"), longMs);
  assert.deepEqual(made.spec, wanted);
  assert.equal(made.metadata.labels?.["release"], "prometheus");
  await until("the farm says so", async () => (await reason()) === "Announced", longMs);
});

test("another operator finds it as it is wanted and writes nothing", async () => {
  const before = await found(serviceMonitors, "attic-metrics");
  await operated.stopOperator();
  await operated.startOperator({ image: "vaultfarm:test", identity: "two" });
  // It is looked at before the gateways are.
  await edit({ gateway: { replicas: 3 } });
  const gateways = async (): Promise<unknown> => (await found(deployments, "attic-gateway"))?.spec?.["replicas"];
  await until("the new operator has looked at the farm", async () => (await gateways()) === 3, longMs);
  assert.deepEqual(await found(serviceMonitors, "attic-metrics"), before);
});

test("it goes with its field", async () => {
  await edit({ monitoring: { serviceMonitor: false } });
  await until("it is gone", async () => (await found(serviceMonitors, "attic-metrics")) === undefined, longMs);
  await until("the farm says so", async () => (await reason()) === "NoneWanted", longMs);
});
