// Proves how an API server that forbids, or that is away, is borne: what is forbidden is named with its verb, resource and
// reason, the rest of the work goes on, no pod changes, and all is well again by itself. Method: the operator as a whole in
// virtual time over an API server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { forbidden } from "../../../test/support/operator/memory-kube.ts";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import { deployments, farms, nodeRecords, pods, services } from "./resources.ts";

type Right = { readonly verb: string; readonly plural: string };

/** From now on the server forbids these. */
function forbid(world: OperatorWorld, ...rights: readonly Right[]): void {
  world.kube.fault = ({ verb, resource }) =>
    rights.some((right) => right.verb === verb && right.plural === resource) ? forbidden(verb, { plural: resource }) : undefined;
}
const give = (world: OperatorWorld): void => {
  world.kube.fault = () => undefined;
};
const podUids = (world: OperatorWorld): readonly unknown[] => world.all(pods).map(({ metadata }) => metadata.uid);
const isRefused = (world: OperatorWorld): boolean => world.condition("Degraded")?.reason === "CallRefused";
const refusedCalls = async (world: OperatorWorld, status: string): Promise<number> =>
  Number(
    new RegExp(`^vaultfarm_operator_calls_refused_total\\{status="${status}"\\} (\\d+)`, "m").exec(await world.registry.text())?.[1] ?? 0,
  );

test("a right that was taken away is named, once, with an event; what does not need it goes on, and all is well once it is back", async () => {
  const world = await settledWorld();
  forbid(world, { verb: "patch", plural: "services" });
  const [lost = "", ...kept] = namesOf(world, pods);
  const uid = shownOf(world, pods, lost)?.metadata.uid;
  world.remove(services, "attic-nodes");
  world.remove(pods, lost);
  await world.until("the farm says so", () => isRefused(world));
  const { message = "", status } = world.condition("Degraded") ?? {};
  assert.match(message, /cannot patch resource "services" in the namespace "farms"/);
  assert.equal(status, "True");
  await world.until(
    "the pod is back all the same",
    () => ![undefined, uid].includes(shownOf(world, pods, lost)?.metadata.uid) && world.farm().status?.["readyNodes"] === 5,
  );
  await world.clock.advance(400_000);
  const from = world.kube.uses.length;
  await world.clock.advance(280_000);
  assert.ok(isRefused(world));
  const writes = writesSince(world, from).filter((write) => !/ (events|services) /.test(write));
  assert.deepEqual(writes, [], "it is shown once, not at each try");
  assert.equal(eventsOf(world, "Warning").filter((event) => event.startsWith("CallRefused: ")).length, 1);
  assert.ok((await refusedCalls(world, "shown")) > 0);
  give(world);
  await world.until("all is well", () => world.condition("Degraded")?.reason === "AllWell" && isSettled(world, 5), 30_000);
  assert.ok(shownOf(world, services, "attic-nodes"));
  assert.ok(kept.every((name) => namesOf(world, pods).includes(name)));
  await endWorld(world);
});

test("a quota that leaves no room for one pod more: the others are seen to meanwhile, and it is made once there is room", async () => {
  const world = await settledWorld();
  forbid(world, { verb: "create", plural: "pods" });
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("the farm says so", () => isRefused(world) && world.all(nodeRecords).length === 6);
  world.remove(deployments, "attic-gateway");
  await world.until("the gateways are back", () => shownOf(world, deployments, "attic-gateway") !== undefined);
  await world.clock.advance(600_000);
  assert.deepEqual([namesOf(world, nodeRecords).length, namesOf(world, pods).length], [6, 5], "one node is begun, and no more");
  give(world);
  await world.until("there are six", () => isSettled(world, 6) && !isRefused(world), 120_000);
  await endWorld(world);
});

test("a new farm without the right to read Secrets says what is forbidden, and begins by itself", async () => {
  const world = createOperatorWorld(farmSpec);
  forbid(world, { verb: "get", plural: "secrets" });
  await world.until("the farm says so", () => isRefused(world));
  assert.match(world.condition("Degraded")?.message ?? "", /cannot get resource "secrets"/);
  assert.ok(eventsOf(world, "Warning").some((event) => /^CallRefused: .*secrets/.test(event)));
  give(world);
  await world.until("it is installed", () => isSettled(world, 5) && !isRefused(world));
  await endWorld(world);
});

test("a cache that may no longer be read is named; nothing is decided by what is old, and it goes on once it may", async () => {
  const world = await settledWorld();
  const before = podUids(world);
  world.kube.forbidden.add("pods");
  await world.until("the farm says so", () => isRefused(world), 1_200_000);
  assert.match(world.condition("Degraded")?.message ?? "", /cannot (list|watch) resource "pods"/);
  world.kube.forbidden.clear();
  await world.until("all is well", () => !isRefused(world) && isSettled(world, 5), 120_000);
  assert.deepEqual(podUids(world), before);
  await endWorld(world);
});

test("where the status may not be written either, an event and a metric say so; it is written once it may", async () => {
  const world = await settledWorld();
  forbid(world, { verb: "patch", plural: "vaultfarms/status" }, { verb: "patch", plural: "vaultnodes/status" });
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("an event says so", () => eventsOf(world, "Warning").some((event) => /^CallRefused: .*\/status/.test(event)));
  await world.clock.advance(300_000);
  assert.equal(eventsOf(world, "Warning").filter((event) => event.startsWith("CallRefused: ")).length, 1);
  assert.equal(await refusedCalls(world, "shown"), 0);
  assert.ok((await refusedCalls(world, "not-shown")) > 0);
  give(world);
  await world.until("there are six", () => isSettled(world, 6) && !isRefused(world));
  await endWorld(world);
});

test("an API server that is away for two minutes: nothing changes meanwhile, and what happened is mended once it is back", async () => {
  const world = await settledWorld();
  const before = podUids(world);
  const shown = JSON.stringify(world.farm().status);
  world.kube.frozen = true;
  world.kube.fault = () => "before";
  const from = world.kube.uses.length;
  await world.until("the leader counts itself out", () => world.ended() === "lost", 30_000);
  // As its machine starts an ended container anew: it fills no cache, so it leads nothing.
  await world.stopOperator();
  world.startOperator();
  const [lost = "", ...kept] = namesOf(world, pods);
  const uid = shownOf(world, pods, lost)?.metadata.uid;
  world.remove(pods, lost);
  await world.clock.advance(90_000);
  assert.deepEqual([world.ended(), JSON.stringify(world.farm().status)], [undefined, shown], "what was seen last is shown");
  assert.deepEqual(writesSince(world, from), []);
  world.kube.frozen = false;
  give(world);
  world.kube.flush();
  await world.until(
    "the pod is back",
    () => ![undefined, uid].includes(shownOf(world, pods, lost)?.metadata.uid) && isSettled(world, 5),
    120_000,
  );
  assert.equal(podUids(world).filter((one) => before.includes(one)).length, kept.length, "no other pod was touched");
  assert.deepEqual([world.condition("Degraded")?.reason, world.condition("Ready")?.status], ["AllWell", "True"]);
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("an operator that is stopped, or has lost its lease, begins no further step of what it was about to do; the next one goes on", async () => {
  const world = await settledWorld();
  world.kube.delayMs = 20;
  let stopped: Promise<void> | undefined;
  let from = 0;
  world.kube.fault = ({ verb, resource }) => {
    if (stopped !== undefined || verb !== "create" || resource !== "pods") return undefined;
    from = world.kube.uses.length;
    stopped = world.stopOperator();
    return undefined;
  };
  world.edit(farms, "attic", { spec: { replicas: 9 } });
  await world.until("the first of four is being made", () => stopped !== undefined);
  await stopped;
  assert.deepEqual(writesSince(world, from), [], "what it was about to do it left undone");
  assert.equal(world.all(nodeRecords).length, 6);
  world.kube.delayMs = 0;
  give(world);
  world.startOperator();
  await world.until("all are there", () => isSettled(world, 9));
  await endWorld(world);
});
