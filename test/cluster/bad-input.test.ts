// Proves on a real API server what the operator does with what is wrong around a farm: names that it needs and others have, a
// network key that is not there, finalizers that are left while no operator lives. Each is told by a condition and an event,
// and nothing of others is touched. Method: the whole operator, against etcd and kube-apiserver of its own; no pod ever runs.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import {
  claims,
  configMaps,
  type FarmObject,
  farms,
  nodeRecords,
  pods,
  policies,
  secrets,
  services,
} from "../../src/operator/cluster/resources.ts";
import { events } from "../../src/operator/kube/event-recorder.ts";
import { defineResource, type KubeClient, type KubeObject, type Resource } from "../../src/operator/kube/index.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespaces: Resource = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });
const namespace = "default";
const longMs = 60_000;
const spec = { replicas: 5, vaultsPerNode: 2, vaultCapacity: "1Gi" };

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator();
});
after(() => operated?.stop());

async function make(resource: Resource, name: string, rest: object = {}): Promise<KubeObject> {
  return must(await client.create<KubeObject>(resource, { ...rest, metadata: { name, namespace } }));
}

async function read(resource: Resource, name: string): Promise<KubeObject> {
  return must(await client.get(resource, { namespace, name }));
}

async function recordsOf(farm: string): Promise<readonly string[]> {
  const { items } = must(await client.listAll(nodeRecords, { namespace }));
  return items.filter(({ metadata }) => metadata.name.startsWith(`${farm}-`)).map(({ metadata }) => metadata.name);
}

/** Waits for a condition of the farm, and an event that says the same. Its message. */
async function told(farm: string, type: string, reason: string): Promise<string> {
  type Condition = { readonly type: string; readonly reason: string; readonly message: string };
  const condition = await until(
    `${farm} says ${reason}`,
    async () => {
      const conditions = (((await read(farms, farm)) as FarmObject).status?.["conditions"] ?? []) as readonly Condition[];
      return conditions.find((one) => one.type === type && one.reason === reason);
    },
    longMs,
  );
  await until(
    `an event says ${reason}`,
    async () => must(await client.listAll(events, { namespace })).items.some((event) => Reflect.get(event, "reason") === reason),
    longMs,
  );
  return condition.message;
}

test("a Service, a policy and a ConfigMap of others with a farm's names are left as they are, to the version, and named", async () => {
  const theirs = [
    await make(services, "attic-gateway", { spec: { selector: { app: "shop" }, ports: [{ port: 80 }] } }),
    await make(policies, "attic-nodes", { spec: { podSelector: { matchLabels: { app: "shop" } } } }),
    await make(configMaps, "attic-peers", { data: { theirs: "yes" } }),
  ];
  await make(farms, "attic", { spec });
  const message = await told("attic", "Degraded", "ForeignObjects");
  assert.match(message, /^ConfigMap attic-peers, NetworkPolicy attic-nodes, Service attic-gateway not made for this farm/);
  await until("the nodes are made all the same", async () => (await recordsOf("attic")).length === 5, longMs);
  const now = [await read(services, "attic-gateway"), await read(policies, "attic-nodes"), await read(configMaps, "attic-peers")];
  assert.deepEqual(
    now.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]),
    theirs.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]),
  );
});

test("a farm whose network key is missing says which Secret to make, and begins nothing", async () => {
  await make(farms, "barn", { spec: { ...spec, network: { keySecretRef: { name: "mine", key: "key" } } } });
  assert.match(await told("barn", "SpecAccepted", "SecretMissing"), /there is no Secret mine/);
  assert.deepEqual(await recordsOf("barn"), []);
  assert.equal((await client.get(secrets, { namespace, name: "barn-network" })).ok, false);
});

test("a PriorityClass that is not there is refused in the server's own words, and nothing is begun", async () => {
  await make(farms, "loft", { spec: { ...spec, pod: { priorityClassName: "none-such" } } });
  assert.match(
    await told("loft", "SpecAccepted", "Invalid"),
    /^spec\.pod: the cluster takes no such pod \(.*no PriorityClass with name none-such/,
  );
  assert.deepEqual(await recordsOf("loft"), []);
});

test("pods with a user, groups and affinity of one's own are taken where the restricted standard is enforced", async () => {
  const strict = "strict";
  const enforced = { name: strict, labels: { "pod-security.kubernetes.io/enforce": "restricted" } };
  must(await client.create(namespaces, { metadata: enforced }));
  const securityContext = {
    runAsUser: 2000,
    runAsGroup: 2000,
    fsGroup: 3000,
    supplementalGroups: [7],
    seLinuxOptions: { level: "s0:c1,c2" },
  };
  const term = { matchExpressions: [{ key: "disk", operator: "In", values: ["big"] }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
  const apart = { topologyKey: "rack", labelSelector: { matchLabels: { app: "noisy" } } };
  const podAntiAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: apart }] };
  const pod = { securityContext, affinity: { nodeAffinity, podAntiAffinity } };
  const metadata = { name: "shed", namespace: strict };
  must(await client.create<KubeObject>(farms, { metadata, spec: { ...spec, pod } } as KubeObject));
  const made = await until(
    "its pods are made",
    async () => {
      const { items } = must(await client.listAll(pods, { namespace: strict }));
      return items.length === 5 ? items : undefined;
    },
    longMs,
  );
  for (const { spec: one } of made as readonly (KubeObject & {
    readonly spec: { securityContext: object; affinity: { nodeAffinity: object } };
  })[]) {
    for (const [field, value] of Object.entries(securityContext)) assert.deepEqual(Reflect.get(one.securityContext, field), value);
    assert.deepEqual(one.affinity.nodeAffinity, nodeAffinity);
  }
});

test("records deleted with their farm while no operator lived are let go by the next one; claims and keys stay", async () => {
  await operated.stopOperator();
  const names = await recordsOf("attic");
  assert.equal(names.length, 5);
  for (const name of names) must(await client.remove(nodeRecords, { namespace, name }));
  must(await client.remove(farms, { namespace, name: "attic" }));
  assert.equal((await recordsOf("attic")).length, 5, "their finalizers hold them");
  await operated.startOperator();
  await until("no record is left", async () => (await recordsOf("attic")).length === 0, longMs);
  for (const name of names) assert.equal((await read(claims, name)).metadata.deletionTimestamp, undefined);
  assert.ok((await read(secrets, "attic-network")).metadata.uid);
});
