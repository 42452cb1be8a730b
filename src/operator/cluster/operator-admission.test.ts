// Proves that pods which the cluster would not take are found out before any is stopped for them: the spec is refused in the
// cluster's words, the pods that run go on, and the spec is carried out once the cluster takes it. What is no fault of the
// spec refuses none. The same of gateways: the last good ones go on, and so does what leads to them. Method: the whole operator in
// virtual time; the API server refuses the dry run, which is for `attic-0` or `attic-gateway-0`.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import { KubeError } from "../kube/index.ts";
import { deployments, farms, nodeRecords, pods, services } from "./resources.ts";

function refuseTries(world: OperatorWorld, why: string): void {
  const error = new KubeError("forbidden", `pods "attic-0" is forbidden: ${why}`);
  world.kube.fault = ({ resource, name }) => (resource === "pods" && name === "attic-0" ? error : undefined);
}
const uids = (world: OperatorWorld): readonly unknown[] => world.all(pods).map(({ metadata }) => metadata.uid);
const classOf = (world: OperatorWorld, name: string): unknown => shownOf(world, pods, name)?.spec?.["priorityClassName"];

test("a PriorityClass that is not there: refused in the cluster's words, no pod is stopped, and carried out once it is there", async () => {
  const world = await settledWorld();
  refuseTries(world, "no PriorityClass with name high was found");
  const before = uids(world);
  world.edit(farms, "attic", { spec: { pod: { priorityClassName: "high" } } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  assert.match(
    world.condition("SpecAccepted")?.message ?? "",
    /^spec\.pod: the cluster takes no such pod \(.*no PriorityClass with name high/,
  );
  const from = world.kube.uses.length;
  await world.clock.advance(600_000);
  const podWrites = writesSince(world, from).filter((write) => / pods /.test(write));
  assert.deepEqual([uids(world), podWrites], [before, []], "the last good state goes on");
  world.kube.fault = () => undefined;
  await world.until("it is accepted", () => world.condition("SpecAccepted")?.status === "True", 180_000);
  const all = (): boolean => namesOf(world, pods).every((name) => classOf(world, name) === "high") && isSettled(world, 5);
  await world.until("all pods have it", all, 3_600_000);
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("a new farm whose pods break the namespace's policy begins nothing", async () => {
  const world = createOperatorWorld({ ...farmSpec, pod: { annotations: { a: "b" } } });
  refuseTries(world, 'violates PodSecurity "restricted:latest": seccompProfile');
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  assert.match(world.condition("SpecAccepted")?.message ?? "", /violates PodSecurity/);
  assert.deepEqual(namesOf(world, nodeRecords), []);
  world.kube.fault = () => undefined;
  await world.until("it begins by itself", () => isSettled(world, 5));
  await endWorld(world);
});

test("while the server does not answer, or a webhook fails, nothing is stopped for a new spec", async () => {
  const world = await settledWorld();
  const before = uids(world);
  const fail = (error: KubeError): void => {
    world.kube.fault = ({ resource, name }) => (resource === "pods" && name === "attic-0" ? error : undefined);
  };
  fail(new KubeError("unreachable", "no connection"));
  world.edit(farms, "attic", { spec: { pod: { annotations: { a: "b" } } } });
  await world.clock.advance(120_000);
  fail(new KubeError("server", 'failed calling webhook "policy.example": no endpoints'));
  await world.until("it is told", () => /failed calling webhook/.test(world.condition("SpecAccepted")?.message ?? ""), 1_200_000);
  assert.deepEqual(uids(world), before);
  world.kube.fault = () => undefined;
  const done = (): boolean => world.all(pods).every(({ metadata }) => metadata.annotations?.["a"] === "b") && isSettled(world, 5);
  await world.until("all pods have it", done, 3_600_000);
  await endWorld(world);
});

test("a quota that is full is no fault of the spec: what wants no more room is carried out", async () => {
  const world = await settledWorld();
  refuseTries(world, "exceeded quota: small, requested: pods=1, used: pods=7, limited: pods=7");
  world.edit(farms, "attic", { spec: { pod: { annotations: { a: "b" } } } });
  const done = (): boolean => world.all(pods).every(({ metadata }) => metadata.annotations?.["a"] === "b") && isSettled(world, 5);
  await world.until("all pods have it", done, 3_600_000);
  await endWorld(world);
});

type Refused = readonly [what: string, resource: string, gateway: Json, code: "forbidden" | "invalid", why: string];
const refusedGateways: readonly Refused[] = [
  [
    "a Service",
    "services",
    { writes: "off", service: { type: "LoadBalancer" } },
    "forbidden",
    'admission webhook "lb.example" denied the request: no balancers',
  ],
  [
    "a pod",
    "pods",
    { resources: { requests: { memory: "8Gi" } } },
    "forbidden",
    'violates PodSecurity "restricted:latest": seccompProfile',
  ],
  [
    "a Deployment",
    "deployments",
    { cacheMemory: "1Gi" },
    "invalid",
    "ValidatingAdmissionPolicy 'small' with binding 'small' denied request: too much memory",
  ],
];
for (const [what, resource, gateway, code, why] of refusedGateways)
  test(`${what} of gateways that the cluster forbids: refused in its words, the gateways go on as they are, and so does the farm`, async () => {
    const world = await settledWorld();
    const error = new KubeError(code, `${resource} "attic-gateway-0" is forbidden: ${why}`);
    world.kube.fault = (use) => (use.resource === resource && use.name === "attic-gateway-0" ? error : undefined);
    const shown = (): unknown => [services, deployments].map((kind) => shownOf(world, kind, "attic-gateway")?.spec);
    const before = shown();
    world.edit(farms, "attic", { spec: { replicas: 6, gateway } });
    await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
    const told = world.condition("SpecAccepted")?.message ?? "";
    assert.ok(told.startsWith("spec.gateway: the cluster takes no such gateway (") && told.includes(why), told);
    await world.clock.advance(300_000);
    assert.deepEqual(shown(), before);
    assert.deepEqual([world.condition("GatewayReady")?.status, world.condition("Ready")?.status], ["True", "True"]);
    world.edit(nodeRecords, namesOf(world, nodeRecords)[0] ?? "", { spec: { desired: "Cordoned" } });
    await world.until("what people ask of nodes is done meanwhile", () =>
      world.all(nodeRecords).some(({ status }) => status?.["state"] === "Cordoned"),
    );
    world.kube.fault = () => undefined;
    await world.until("it is carried out once the cluster takes it", () => isSettled(world, 6), 3_600_000);
    assert.notDeepEqual(shown(), before);
    await endWorld(world);
  });
