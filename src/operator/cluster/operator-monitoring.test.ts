// Proves that `spec.monitoring` does what it says: a ServiceMonitor is made, changed with the spec, put right and taken away;
// a cluster without the Prometheus operator is told so, and served once it has it; what is not wanted costs nothing. Method:
// the whole operator in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { KubeError } from "../kube/index.ts";
import { farms, serviceMonitors } from "./resources.ts";

const monitored = (monitoring: Json): Json => ({ ...farmSpec, monitoring });
const setMonitoring = (world: OperatorWorld, monitoring: Json): void => world.edit(farms, "attic", { spec: { monitoring } });
const reason = (world: OperatorWorld): string | undefined => world.condition("MonitoringReady")?.reason;
const verbs = ({ kube }: OperatorWorld): readonly string[] =>
  kube.uses.filter(({ resource }) => resource === "servicemonitors").map(({ verb }) => verb);
const intervals = (world: OperatorWorld): readonly unknown[] =>
  ((world.all(serviceMonitors)[0]?.spec?.["endpoints"] ?? []) as readonly Json[]).map(({ interval }) => interval);

test("a ServiceMonitor is made, changed with the spec, put right within ten minutes, and taken away, also by an operator that did not make it", async () => {
  const world = await settledWorld(monitored({ serviceMonitor: true, labels: { release: "prometheus" } }));
  const { metadata } = world.all(serviceMonitors)[0] ?? assert.fail();
  assert.deepEqual(
    [metadata.name, metadata.labels?.["release"], metadata.ownerReferences?.[0]?.kind],
    ["attic-metrics", "prometheus", "VaultFarm"],
  );
  assert.deepEqual([world.condition("MonitoringReady")?.status, reason(world)], ["True", "Announced"]);
  setMonitoring(world, { interval: "15s" });
  await world.until("both ports have the interval", () => intervals(world).join() === "15s,15s", 10_000);
  world.edit(serviceMonitors, "attic-metrics", { spec: { endpoints: [] } });
  await world.until("it is put right", () => intervals(world).join() === "15s,15s", 720_000);
  await world.stopOperator();
  setMonitoring(world, { serviceMonitor: false });
  world.startOperator();
  await world.until("it is gone", () => world.all(serviceMonitors).length === 0);
  await world.until("the farm says so", () => reason(world) === "NoneWanted", 10_000);
  await endWorld(world);
});

test("at rest it is looked at every ten minutes and written never; its kind is neither listed nor watched", async () => {
  const world = await settledWorld(monitored({ serviceMonitor: true }));
  await world.clock.advance(600_000);
  const before = verbs(world).length;
  await world.clock.advance(1_800_000);
  const since = verbs(world).slice(before);
  assert.ok(since.length > 0 && since.length <= 3, since.join());
  assert.deepEqual([...new Set(since)], ["get"]);
  assert.ok(!verbs(world).some((verb) => verb === "list" || verb === "watch"));
  await endWorld(world);
});

test("where none is wanted one look is all, and nothing is made", async () => {
  const world = await settledWorld();
  await world.clock.advance(1_800_000);
  assert.deepEqual(verbs(world), ["get"]);
  assert.deepEqual([reason(world), world.all(serviceMonitors).length], ["NoneWanted", 0]);
  await endWorld(world);
});

test("without the Prometheus operator the farm runs and says so; once the cluster has it the ServiceMonitor is made", async () => {
  const world = await settledWorld();
  const lacks = new KubeError("not-found", "the server could not find the requested resource");
  world.kube.fault = ({ resource }) => (resource === "servicemonitors" ? lacks : undefined);
  setMonitoring(world, { serviceMonitor: true });
  await world.until("it says so", () => reason(world) === "NoPrometheusOperator", 10_000);
  assert.equal(world.condition("MonitoringReady")?.status, "False");
  assert.ok(isSettled(world, 5));
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("a node is added all the same", () => isSettled(world, 6));
  world.kube.fault = () => undefined;
  await world.until("it is made", () => world.all(serviceMonitors).length === 1, 120_000);
  await world.until("all is well", () => reason(world) === "Announced", 10_000);
  await endWorld(world);
});

test("what the cluster refuses is told with its word, and tried again no more than once a minute", async () => {
  const world = await settledWorld();
  const refused = new KubeError("forbidden", 'servicemonitors.monitoring.coreos.com is forbidden: User "operator" cannot patch');
  world.kube.fault = ({ resource, verb }) => (resource === "servicemonitors" && verb === "patch" ? refused : undefined);
  setMonitoring(world, { serviceMonitor: true });
  await world.until("it says so", () => /cannot patch/.test(world.condition("MonitoringReady")?.message ?? ""), 10_000);
  assert.equal(reason(world), "NotAnnounced");
  assert.equal(world.condition("Degraded")?.reason, "AllWell");
  const tries = (): number => verbs(world).filter((verb) => verb === "patch").length;
  const before = tries();
  await world.clock.advance(300_000);
  assert.ok(tries() > before && tries() <= before + 6, `${tries() - before} tries`);
  world.kube.fault = () => undefined;
  await world.until("all is well", () => reason(world) === "Announced", 120_000);
  await endWorld(world);
});

test("a ServiceMonitor of somebody else is left alone and named", async () => {
  const world = await settledWorld();
  world.create(serviceMonitors, { metadata: { name: "attic-metrics" } });
  setMonitoring(world, { serviceMonitor: true });
  await world.until("it is named", () => world.condition("Degraded")?.reason === "ForeignObjects", 120_000);
  assert.match(world.condition("MonitoringReady")?.message ?? "", /not made for this farm/);
  setMonitoring(world, { serviceMonitor: false });
  await world.until("it is none of the farm's", () => world.condition("Degraded")?.reason === "AllWell", 120_000);
  assert.deepEqual([world.all(serviceMonitors).length, reason(world)], [1, "NoneWanted"]);
  await endWorld(world);
});

test("a farm that is paused has it left as it is, and says what is not known meanwhile", async () => {
  const world = await settledWorld(monitored({ serviceMonitor: true }));
  world.edit(farms, "attic", { spec: { paused: true } });
  await world.until("it is paused", () => world.condition("Paused")?.status === "True");
  assert.equal(reason(world), "Announced");
  setMonitoring(world, { interval: "15s" });
  await world.until("it says that it waits", () => reason(world) === "Halted", 10_000);
  assert.deepEqual(intervals(world), [undefined, undefined]);
  world.edit(farms, "attic", { spec: { paused: false } });
  await world.until("it is changed", () => intervals(world).join() === "15s,15s" && reason(world) === "Announced");
  await endWorld(world);
});
