// Proves on a real API server that what exposes a farm's gateways is taken by it, settles, and goes with its field: an
// Ingress; an HTTPRoute once the cluster has that kind, and a word on it before. Method: the whole operator, against etcd and
// kube-apiserver of its own; no pod ever runs, so the test says that a gateway is ready.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { definitions } from "../../src/operator/cluster/ensure-kinds.ts";
import { deployments, type FarmObject, farms, httpRoutes, ingresses } from "../../src/operator/cluster/resources.ts";
import type { KubeClient, KubeObject, Resource } from "../../src/operator/kube/index.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespace = "default";
const longMs = 120_000;
const name = { namespace, name: "attic-gateway" };
const host = "farm.example.org";

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator();
});
after(() => operated?.stop());

async function found(resource: Resource): Promise<(KubeObject & { readonly spec?: unknown }) | undefined> {
  const got = await client.get(resource, name);
  if (!got.ok && got.error.code !== "not-found") throw got.error;
  return got.ok ? got.value : undefined;
}

async function setGateway(gateway: Readonly<Record<string, unknown>>): Promise<void> {
  must(await client.patch(farms, { namespace, name: "attic" }, { type: "merge", body: { spec: { gateway } } }));
}

async function gatewayReady(): Promise<string | undefined> {
  const { status } = must(await client.get(farms, { namespace, name: "attic" })) as FarmObject;
  const conditions = (status?.["conditions"] ?? []) as readonly { readonly type: string; readonly reason: string }[];
  return conditions.find(({ type }) => type === "GatewayReady")?.reason;
}

test("an Ingress is made, stays as it is while the farm is looked at, and goes with its field", async () => {
  const ingress = { className: "nginx", host, path: "/v1/objects/", tlsSecretName: "farm-tls", annotations: { "example.org/a": "b" } };
  const spec = { replicas: 5, vaultCapacity: "1Gi", gateway: { writes: "off", ingress } };
  must(await client.create<KubeObject>(farms, { metadata: { name: "attic", namespace }, spec } as KubeObject));
  const made = await until("the Ingress is made", () => found(ingresses), longMs);
  const backend = { service: { name: "attic-gateway", port: { number: 8080 } } };
  assert.deepEqual(made.spec, {
    ingressClassName: "nginx",
    tls: [{ hosts: [host], secretName: "farm-tls" }],
    rules: [{ host, http: { paths: [{ path: "/v1/objects/", pathType: "Prefix", backend }] } }],
  });
  await until("its Deployment is made", () => found(deployments), longMs);
  must(
    await client.patch(
      deployments,
      name,
      { type: "merge", body: { status: { replicas: 1, updatedReplicas: 1, readyReplicas: 1 } } },
      { subresource: "status" },
    ),
  );
  await until("a gateway answers", async () => (await gatewayReady()) === "Answering", longMs);
  assert.equal((await found(ingresses))?.metadata.resourceVersion, made.metadata.resourceVersion, "nothing was written again");
  await setGateway({ ingress: null });
  await until("it is gone", async () => (await found(ingresses)) === undefined, longMs);
});

// As the Gateway API defines it, of its fields those that a farm's route has.
const parent = { name: "string", namespace: "string", sectionName: "string", port: "integer", group: "string", kind: "string" };
const backendRef = { name: "string", port: "integer", group: "string", kind: "string", weight: "integer" };
const fieldsOf = (fields: Readonly<Record<string, string>>, defaults: Readonly<Record<string, unknown>>) => ({
  type: "object",
  required: ["name"],
  properties: Object.fromEntries(
    Object.entries(fields).map(([field, type]) => [field, { type, ...(field in defaults ? { default: defaults[field] } : {}) }]),
  ),
});
const list = (items: object) => ({ type: "array", items, "x-kubernetes-list-type": "atomic" });
const everyPath = [{ path: { type: "PathPrefix", value: "/" } }];
const pathMatch = { type: "object", properties: { type: { type: "string" }, value: { type: "string" } } };
const rule = {
  type: "object",
  properties: {
    matches: { ...list({ type: "object", properties: { path: pathMatch } }), default: everyPath },
    backendRefs: list(fieldsOf(backendRef, { group: "", kind: "Service", weight: 1 })),
  },
};
const routeSpec = {
  type: "object",
  properties: {
    parentRefs: list(fieldsOf(parent, { group: "gateway.networking.k8s.io", kind: "Gateway" })),
    hostnames: list({ type: "string" }),
    rules: list(rule),
  },
};
const routeDefinition = {
  metadata: {
    name: "httproutes.gateway.networking.k8s.io",
    annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/891" },
  },
  spec: {
    group: "gateway.networking.k8s.io",
    scope: "Namespaced",
    names: { kind: "HTTPRoute", plural: "httproutes", singular: "httproute", listKind: "HTTPRouteList" },
    versions: [
      { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties: { spec: routeSpec } } } },
    ],
  },
};

test("an HTTPRoute is told to lack its kind, is made once the cluster has it, and goes with its field", async () => {
  await setGateway({ httpRoute: { parentRefs: [{ name: "edge", namespace: "infra", sectionName: "https" }], hostnames: [host] } });
  await until("the farm says what lacks", async () => (await gatewayReady()) === "NoGatewayApi", longMs);
  must(await client.create(definitions, routeDefinition as KubeObject));
  // What was refused is tried again every minute.
  const made = await until("the route is made", () => found(httpRoutes), longMs);
  const spec = made.spec as { readonly hostnames: unknown; readonly rules: readonly { readonly backendRefs: unknown }[] };
  assert.deepEqual(spec.hostnames, [host]);
  assert.deepEqual(spec.rules[0]?.backendRefs, [{ name: "attic-gateway", port: 8080, group: "", kind: "Service", weight: 1 }]);
  await until("all is well", async () => (await gatewayReady()) === "Answering", longMs);
  await setGateway({ httpRoute: null });
  await until("it is gone", async () => (await found(httpRoutes)) === undefined, longMs);
});
