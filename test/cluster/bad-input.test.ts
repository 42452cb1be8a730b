// Proves on a real API server what the operator does with what is wrong around a farm: names that it needs and others have, a
// network key that is not there, finalizers that are left while no operator lives. Each is told by a condition and an event,
// and nothing of others is touched. Method: the whole operator, against etcd and kube-apiserver of its own; no pod ever runs.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import {
  claims,
  configMaps,
  deployments,
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
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespaces: Resource = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });
const admission = { apiVersion: "admissionregistration.k8s.io/v1", namespaced: false } as const;
const admissionPolicies: Resource = defineResource({
  ...admission,
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
});
const admissionBindings: Resource = defineResource({
  ...admission,
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
});
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

test("what somebody else changed in a status is put right and told once, own writes are not, and a condition of their own type stays", async () => {
  const overwritten = async (): Promise<number> =>
    must(await client.listAll(events, { namespace })).items.filter((event) => Reflect.get(event, "reason") === "StatusOverwritten").length;
  const statusOf = async () => ((await read(farms, "attic")) as FarmObject).status ?? {};
  const typesOf = async () => ((await statusOf())["conditions"] as readonly { readonly type: string }[]).map(({ type }) => type);
  assert.equal(await overwritten(), 0);
  const said = { type: "Backed", status: "True", reason: "Nightly", message: "", observedGeneration: 1 };
  const conditions = [{ ...said, lastTransitionTime: "2026-11-28T03:00:00Z" }];
  const theirs = { apiVersion: farms.apiVersion, kind: farms.kind, metadata: { name: "attic", namespace }, status: { conditions } };
  must(await client.apply(farms, theirs, { force: true, subresource: "status", fieldManager: "backup" }));
  const body = { status: { used: "77Gi", networkSize: 77 } };
  must(
    await client.patch(farms, { name: "attic", namespace }, { type: "merge", body }, { subresource: "status", fieldManager: "somebody" }),
  );
  await until("it is put right", async () => (await statusOf())["used"] !== "77Gi" && !("networkSize" in (await statusOf())), 90_000);
  await until("an event says so", async () => (await overwritten()) === 1, longMs);
  assert.ok((await typesOf()).includes("Backed"));
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

test("a claim without its labels is no lost volume: it has them again, no node is replaced, and owner and labels of a VaultNode come back", async () => {
  await make(farms, "cot", { spec });
  await until("its nodes are made", async () => (await recordsOf("cot")).length === 5, longMs);
  const [name = ""] = await recordsOf("cot");
  const was = await until(
    "it has a claim",
    async () => ((await client.get(claims, { namespace, name })).ok ? read(claims, name) : undefined),
    longMs,
  );
  const record = await read(nodeRecords, name);
  // As one that ran: from then on a volume that is not there is a lost one.
  const ran = { status: { peerId: peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(9)).publicKey) } };
  must(await client.patch(nodeRecords, { namespace, name }, { type: "merge", body: ran }, { subresource: "status" }));
  const bare = { metadata: { labels: Object.fromEntries(Object.keys(was.metadata.labels ?? {}).map((label) => [label, null])) } };
  must(await client.patch(claims, { namespace, name }, { type: "merge", body: bare }));
  must(
    await client.patch(
      nodeRecords,
      { namespace, name },
      { type: "merge", body: { metadata: { ...bare.metadata, ownerReferences: null } } },
    ),
  );
  const isBack = async (): Promise<boolean> => {
    const [claim, node] = [await read(claims, name), await read(nodeRecords, name)];
    assert.ok(!JSON.stringify(Reflect.get(node, "spec")).includes("leaving"), "it is not replaced");
    return (
      [claim, node].every(({ metadata }) => metadata.labels?.["vaultfarm.dev/farm"] === "cot") &&
      node.metadata.ownerReferences?.length === 1
    );
  };
  await until("all of it is back", isBack, longMs);
  const [claim, node] = [await read(claims, name), await read(nodeRecords, name)];
  assert.deepEqual([claim.metadata.uid, claim.metadata.labels], [was.metadata.uid, was.metadata.labels]);
  assert.deepEqual([node.metadata.labels, node.metadata.ownerReferences], [record.metadata.labels, record.metadata.ownerReferences]);
  assert.equal((await recordsOf("cot")).length, 5);
});

test("a gateway that a policy of the cluster forbids is refused in its words, and the gateways that there are stay", async () => {
  const named = { metadata: { name: "no-balancers" } };
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["services"] };
  const validations = [{ expression: "object.spec.type != 'LoadBalancer'", message: "no balancers here" }];
  const policy = { failurePolicy: "Fail", matchConstraints: { resourceRules: [rule] }, validations };
  must(await client.create<KubeObject>(admissionPolicies, { ...named, spec: policy } as KubeObject));
  must(
    await client.create<KubeObject>(admissionBindings, {
      ...named,
      spec: { policyName: "no-balancers", validationActions: ["Deny"] },
    } as KubeObject),
  );
  const balancer = { spec: { type: "LoadBalancer", ports: [{ port: 80 }] }, metadata: { name: "probe", namespace } } as KubeObject;
  await until("the policy holds", async () => !(await client.create(services, balancer, { dryRun: true })).ok, longMs);
  await make(farms, "hut", { spec });
  const gateways = await until(
    "it has gateways",
    async () => {
      const got = await client.get(deployments, { namespace, name: "hut-gateway" });
      return got.ok ? got.value : undefined;
    },
    longMs,
  );
  const gateway = { writes: "off", service: { type: "LoadBalancer" }, cacheMemory: "128Mi" };
  must(await client.patch(farms, { namespace, name: "hut" }, { type: "merge", body: { spec: { gateway } } }));
  assert.match(await told("hut", "SpecAccepted", "Invalid"), /^spec\.gateway: the cluster takes no such gateway \(.*no balancers here/);
  assert.equal(Reflect.get(Reflect.get(await read(services, "hut-gateway"), "spec") as object, "type"), "ClusterIP");
  assert.equal((await read(deployments, "hut-gateway")).metadata.generation, gateways.metadata.generation);
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
