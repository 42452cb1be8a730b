// Proves that what exposes a farm does what its field says: an Ingress or an HTTPRoute is made, put right, exchanged and taken
// away; gateways answer to its names; a cluster without the Gateway API is told so, and served once it has it; a farm that
// does not say who may write is not exposed. Method: the whole operator in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { endWorld, farmSpec, type Json, type OperatorWorld, settledWorld } from "../../../test/support/operator/operator-world.ts";
import { KubeError } from "../kube/index.ts";
import { deployments, farms, httpRoutes, ingresses } from "./resources.ts";

const host = "farm.example.org";
const ingress = { host, className: "nginx", path: "/v1", tlsSecretName: "farm-tls", annotations: { "example.org/size": "0" } };
const httpRoute = { parentRefs: [{ name: "edge", namespace: "net" }], hostnames: [host, "www.example.org"] };
const exposed = (gateway: Json): Json => ({ ...farmSpec, gateway: { writes: "off", ...gateway } });
const setGateway = (world: OperatorWorld, gateway: Json): void => world.edit(farms, "attic", { spec: { gateway } });

function knownHosts(world: OperatorWorld): string {
  type Template = { readonly spec: { readonly containers: readonly { readonly env: readonly { name: string; value?: string }[] }[] } };
  const template = world.all(deployments)[0]?.spec?.["template"] as Template;
  return template.spec.containers[0]?.env.find(({ name }) => name === "VAULTFARM_EXTRA_HOSTS")?.value ?? "";
}

test("an Ingress is made as it is wanted, changed with the spec, put right, and taken away with its field", async () => {
  const world = await settledWorld(exposed({ ingress }));
  const spec = (): Json | undefined => world.all(ingresses)[0]?.spec;
  const backend = { service: { name: "attic-gateway", port: { number: 8080 } } };
  assert.deepEqual(spec(), {
    ingressClassName: "nginx",
    tls: [{ hosts: [host], secretName: "farm-tls" }],
    rules: [{ host, http: { paths: [{ path: "/v1", pathType: "Prefix", backend }] } }],
  });
  const { metadata } = world.all(ingresses)[0] ?? assert.fail();
  assert.equal(metadata.annotations?.["example.org/size"], "0");
  assert.equal(metadata.ownerReferences?.[0]?.kind, "VaultFarm");
  assert.ok(knownHosts(world).split(",").includes(host));
  world.edit(ingresses, "attic-gateway", { spec: { ingressClassName: "other" } });
  await world.until("it is put right", () => spec()?.["ingressClassName"] === "nginx");
  setGateway(world, { ingress: { className: null, tlsSecretName: null } });
  await world.until("it has no class and no certificate", () => Object.keys(spec() ?? {}).join() === "rules");
  setGateway(world, { ingress: null });
  await world.until("it is gone", () => world.all(ingresses).length === 0);
  await world.until("its name is no gateway's any more", () => !knownHosts(world).split(",").includes(host));
  await endWorld(world);
});

test("an HTTPRoute is made, put right within ten minutes, and taken away, also by an operator that did not make it", async () => {
  const world = await settledWorld(exposed({ httpRoute }));
  const spec = (): Json | undefined => world.all(httpRoutes)[0]?.spec;
  const wanted = { ...httpRoute, rules: [{ backendRefs: [{ name: "attic-gateway", port: 8080 }] }] };
  assert.deepEqual(spec(), wanted);
  for (const name of httpRoute.hostnames) assert.ok(knownHosts(world).split(",").includes(name));
  world.edit(httpRoutes, "attic-gateway", { spec: { hostnames: ["evil.example"] } });
  await world.until("it is put right", () => JSON.stringify(spec()?.["hostnames"]) === JSON.stringify(httpRoute.hostnames), 720_000);
  await world.stopOperator();
  setGateway(world, { httpRoute: null });
  world.startOperator();
  await world.until("it is gone", () => world.all(httpRoutes).length === 0);
  await endWorld(world);
});

test("without the Gateway API the farm runs and says so; once the cluster has it the route is made", async () => {
  const world = await settledWorld(exposed({}));
  const lacks = new KubeError("not-found", "the server could not find the requested resource");
  world.kube.fault = ({ resource }) => (resource === "httproutes" ? lacks : undefined);
  setGateway(world, { httpRoute });
  await world.until("it says so", () => world.condition("GatewayReady")?.reason === "NoGatewayApi", 10_000);
  assert.equal(world.condition("GatewayReady")?.status, "False");
  assert.equal(world.condition("Ready")?.status, "True");
  world.kube.fault = () => undefined;
  await world.until("the route is made", () => world.all(httpRoutes).length === 1, 120_000);
  await world.until("all is well", () => world.condition("GatewayReady")?.status === "True", 10_000);
  await endWorld(world);
});

test("an Ingress that a webhook refuses is told with the webhook's word, and the farm goes on", async () => {
  const world = await settledWorld(exposed({}));
  const refused = new KubeError("bad-request", 'admission webhook "nginx" denied the request: host and path are taken');
  world.kube.fault = ({ resource, verb }) => (resource === "ingresses" && verb === "patch" ? refused : undefined);
  setGateway(world, { ingress });
  await world.until("it says so", () => /host and path are taken/.test(world.condition("GatewayReady")?.message ?? ""), 10_000);
  assert.equal(world.condition("GatewayReady")?.reason, "NotExposed");
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("a node is added all the same", () => world.farm().status?.["readyNodes"] === 6);
  const tries = (): number => world.kube.uses.filter(({ resource, verb }) => resource === "ingresses" && verb === "patch").length;
  const before = tries();
  await world.clock.advance(300_000);
  assert.ok(tries() > before && tries() <= before + 6, "it is tried again, no more than once a minute");
  world.kube.fault = () => undefined;
  await world.until("all is well", () => world.condition("GatewayReady")?.status === "True", 120_000);
  assert.equal(world.all(ingresses).length, 1);
  await endWorld(world);
});

test("an Ingress exchanged for a route that the cluster refuses stays until the route is made", async () => {
  const world = await settledWorld(exposed({ ingress }));
  const refused = new KubeError("forbidden", 'admission webhook "routes" denied the request: no such parent');
  world.kube.fault = ({ resource, verb }) => (resource === "httproutes" && verb === "patch" ? refused : undefined);
  const before = world.all(ingresses);
  setGateway(world, { ingress: null, httpRoute });
  await world.until("it says so", () => /no such parent/.test(world.condition("GatewayReady")?.message ?? ""), 10_000);
  await world.clock.advance(300_000);
  assert.deepEqual(world.all(ingresses), before);
  world.kube.fault = () => undefined;
  await world.until(
    "the route is made, and the Ingress gone",
    () => world.all(httpRoutes).length === 1 && world.all(ingresses).length === 0,
  );
  await world.until("all is well", () => world.condition("GatewayReady")?.status === "True", 120_000);
  await endWorld(world);
});

test("exposed without a word on writes: refused, and what was exposed before stays", async () => {
  const world = await settledWorld(exposed({ ingress }));
  setGateway(world, { writes: null });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  assert.match(world.condition("SpecAccepted")?.message ?? "", /spec\.gateway\.ingress: expected gateway\.writes to say who may store/);
  setGateway(world, { writes: "off", httpRoute });
  await world.until("both are refused too", () => /ingress or httpRoute, not both/.test(world.condition("SpecAccepted")?.message ?? ""));
  assert.deepEqual([world.all(ingresses).length, world.all(httpRoutes).length], [1, 0]);
  await endWorld(world);
});

test("an Ingress of somebody else is left alone and named", async () => {
  const world = await settledWorld(exposed({}));
  world.create(ingresses, { metadata: { name: "attic-gateway" } });
  setGateway(world, { ingress });
  await world.until("it is named", () => world.condition("Degraded")?.reason === "ForeignObjects");
  assert.match(world.condition("Degraded")?.message ?? "", /^Ingress attic-gateway /);
  setGateway(world, { ingress: null });
  await world.until("it is none of the farm's", () => world.condition("Degraded")?.reason === "AllWell");
  assert.equal(world.all(ingresses).length, 1);
  await endWorld(world);
});
