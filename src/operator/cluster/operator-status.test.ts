// Proves that what farms and nodes show of themselves is theirs to say and holds up nothing: a status that the server refuses, one
// that somebody else changed or added to, an identity that was taken off, a node whose farm is not there, and a farm that is refused
// from the start. Method: the operator as a whole in virtual time over an API server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  type Condition,
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import { farmConditions } from "../api/conditions.ts";
import { answerError } from "../kube/errors.ts";
import { nodeFinalizer } from "../manifests/names.ts";
import { claims, farms, nodeRecords, pods } from "./resources.ts";

const told = (world: OperatorWorld, reason: string): readonly string[] =>
  eventsOf(world, "Warning").filter((event) => event.startsWith(`${reason}: `));
const nodeCondition = (world: OperatorWorld, name: string, type: string): Condition | undefined =>
  ((shownOf(world, nodeRecords, name)?.status?.["conditions"] ?? []) as readonly Condition[]).find((one) => one.type === type);
const identityOf = (world: OperatorWorld, name: string): unknown => shownOf(world, nodeRecords, name)?.status?.["peerId"];

test("a node whose status the server refuses is told, tried once a minute, and holds up nothing else of the farm", async () => {
  const world = await settledWorld();
  const [name = "", lost = ""] = namesOf(world, nodeRecords);
  const refusal = answerError("patch vaultnodes/status", 422, {
    reason: "Invalid",
    message: "status.peerId: the identity of a node is set once",
  });
  world.kube.fault = ({ resource, name: of }) => (resource === "vaultnodes/status" && of === name ? refusal : undefined);
  world.edit(nodeRecords, name, { status: { state: "Nonsense" } }, "status");
  await world.until("the farm tells it", () => world.condition("Degraded")?.reason === "StatusRefused");
  assert.match(world.condition("Degraded")?.message ?? "", new RegExp(`status of ${name}, .*the identity of a node is set once`));
  const [uid, from, fromMs] = [shownOf(world, pods, lost)?.metadata.uid, world.kube.uses.length, world.clock.monotonicMs()];
  world.remove(pods, lost);
  await world.until("a pod is made anew", () => ![undefined, uid].includes(shownOf(world, pods, lost)?.metadata.uid));
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("and a node", () => world.farm().status?.["readyNodes"] === 6);
  await world.clock.advance(300_000);
  const tries = writesSince(world, from).filter((write) => write === `patch vaultnodes/status ${name}`).length;
  const minutes = (world.clock.monotonicMs() - fromMs) / 60_000;
  assert.ok(tries >= 0.8 * minutes - 1 && tries <= 1.2 * minutes + 1, `${tries} tries in ${minutes} minutes`);
  assert.equal(told(world, "StatusRefused").length, 2, "one of the farm, one of the node");
  world.kube.fault = () => undefined;
  await world.until("all is well", () => isSettled(world, 6) && world.condition("Degraded")?.reason === "AllWell");
  assert.equal(shownOf(world, nodeRecords, name)?.status?.["state"], "Active");
  await endWorld(world);
});

test("where no node's status may be written, pods are made anew all the same", async () => {
  const world = await settledWorld();
  const [lost = ""] = namesOf(world, pods);
  const refusal = answerError("patch vaultnodes/status", 403, { reason: "Forbidden", message: "no" });
  world.kube.fault = ({ resource }) => (resource === "vaultnodes/status" ? refusal : undefined);
  const uid = shownOf(world, pods, lost)?.metadata.uid;
  world.remove(pods, lost);
  await world.until("it is told", () => world.condition("Degraded")?.reason === "CallRefused");
  await world.until("the pod is made anew", () => ![undefined, uid].includes(shownOf(world, pods, lost)?.metadata.uid));
  world.kube.fault = () => undefined;
  await world.until("all is well", () => isSettled(world, 5) && world.condition("Degraded")?.reason === "AllWell");
  await endWorld(world);
});

test("a status that somebody else changed is put right at the next look, with an event on its object; own writes give none", async () => {
  const world = await settledWorld();
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("a node more", () => isSettled(world, 6));
  await world.clock.advance(600_000);
  assert.deepEqual(told(world, "StatusOverwritten"), []);
  const [name = ""] = namesOf(world, nodeRecords);
  world.edit(farms, "attic", { status: { used: "77Gi" } }, "status");
  world.edit(nodeRecords, name, { status: { score: "0.01", drain: { left: 3 } } }, "status");
  const isRight = (): boolean => {
    const { score, drain } = shownOf(world, nodeRecords, name)?.status ?? {};
    return world.farm().status?.["used"] !== "77Gi" && score !== "0.01" && drain === undefined;
  };
  await world.until("it is put right", isRight, 90_000);
  await world.clock.advance(60_000);
  assert.equal(told(world, "StatusOverwritten").length, 2);
  const from = world.kube.uses.length;
  world.edit(farms, "attic", { metadata: { annotations: { team: "shop" } } });
  await world.clock.advance(1_200_000);
  assert.deepEqual([told(world, "StatusOverwritten").length, writesSince(world, from)], [2, []]);
  await endWorld(world);
});

test("an answer that got lost, a refused spec and a new operator are no change by somebody else", async () => {
  const world = await settledWorld();
  let lost = 0;
  world.kube.fault = ({ verb, resource }) => {
    if (verb !== "patch" || !resource.endsWith("/status") || lost >= 5) return undefined;
    lost += 1;
    return "after";
  };
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("a node more", () => isSettled(world, 6));
  assert.equal(lost, 5);
  world.edit(farms, "attic", { spec: { vaultsPerNode: 9 } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.reason === "FixedField");
  world.edit(farms, "attic", { spec: { vaultsPerNode: 2 } });
  await world.until("it is accepted", () => world.condition("SpecAccepted")?.reason === "Accepted");
  await world.stopOperator();
  world.edit(farms, "attic", { status: { readyNodes: 77 } }, "status");
  world.startOperator();
  await world.until("it is put right", () => isSettled(world, 6));
  await world.clock.advance(60_000);
  assert.deepEqual(told(world, "StatusOverwritten"), []);
  await endWorld(world);
});

test("an identity that was taken off a record is written back; another one on the volume is fenced all the same", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, nodeRecords);
  const known = identityOf(world, name);
  world.edit(nodeRecords, name, { status: { peerId: null } }, "status");
  await world.until("it is back", () => identityOf(world, name) === known);
  world.edit(nodeRecords, name, { status: { peerId: null } }, "status");
  world.nodes.changeIdentity(name);
  world.remove(pods, name);
  await world.until("it is told", () => world.condition("Degraded")?.reason === "IdentityChanged");
  assert.equal(identityOf(world, name), known, "the record keeps the identity that was known");
  await endWorld(world);
});

test("a VaultNode of a farm that is not there says so once; it is taken up when the farm comes", async () => {
  const world = await settledWorld();
  const from = world.kube.uses.length;
  world.create(nodeRecords, { metadata: { name: "barn-mine" }, spec: { farm: "barn" } } as never);
  await world.until("it is told", () => nodeCondition(world, "barn-mine", "Ready")?.reason === "NoSuchFarm");
  assert.match(nodeCondition(world, "barn-mine", "Ready")?.message ?? "", /^There is no VaultFarm barn in this namespace/);
  await world.clock.advance(1_800_000);
  await world.stopOperator();
  world.startOperator();
  await world.clock.advance(1_800_000);
  assert.deepEqual(
    writesSince(world, from).filter((write) => write.includes("barn")),
    ["patch vaultnodes/status barn-mine", ...writesSince(world, from).filter((write) => write.startsWith("create events barn-mine"))],
  );
  assert.equal(told(world, "NoSuchFarm").length, 1);
  world.create(farms, { metadata: { name: "barn" }, spec: farmSpec } as never);
  await world.until("it is a node of the farm", () => nodeCondition(world, "barn-mine", "Ready")?.reason === "Running", 1_200_000);
  await endWorld(world);
});

test("a VaultNode that is made a moment before its farm is told nothing of it", async () => {
  const world = await settledWorld();
  world.create(nodeRecords, { metadata: { name: "barn-mine" }, spec: { farm: "barn" } } as never);
  await world.clock.advance(2000);
  world.create(farms, { metadata: { name: "barn" }, spec: farmSpec } as never);
  await world.until("it is a node", () => nodeCondition(world, "barn-mine", "Ready")?.reason === "Running", 1_200_000);
  assert.deepEqual(told(world, "NoSuchFarm"), []);
  await endWorld(world);
});

test("records of a farm that was deleted are told nothing, whether they go with it or are kept without an owner", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, nodeRecords);
  await world.stopOperator();
  // As `kubectl delete vf --cascade=orphan` leaves them.
  world.edit(nodeRecords, name, { metadata: { ownerReferences: [] } });
  world.remove(farms, "attic");
  const from = world.kube.uses.length;
  world.startOperator();
  await world.until("the others are gone", () => namesOf(world, nodeRecords).length === 1);
  await world.clock.advance(600_000);
  assert.deepEqual(shownOf(world, nodeRecords, name)?.metadata.finalizers, [nodeFinalizer]);
  assert.deepEqual(
    writesSince(world, from).filter((write) => write.includes("/status") || write.includes("events")),
    [],
  );
  assert.equal(namesOf(world, claims).length, 5);
  await endWorld(world);
});

test("a farm that is refused from the start shows every condition, those that nobody looked at as Unknown, and no event comes of them", async () => {
  const world = createOperatorWorld({ ...farmSpec, storage: { storageClassName: "slow" } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.reason === "Invalid");
  for (const type of Object.keys(farmConditions).filter((one) => !["SpecAccepted", "Ready"].includes(one)))
    assert.deepEqual([world.condition(type)?.status, world.condition(type)?.reason], ["Unknown", "NotLookedAt"], type);
  world.edit(farms, "attic", { spec: { storage: { storageClassName: "fast" } } });
  await world.until("the farm is installed", () => isSettled(world, 5));
  const unasked = ["NoDrain", "SameImage", "NotPaused", "NotCounted"];
  assert.deepEqual(
    eventsOf(world, "Normal").filter((event) => unasked.some((reason) => event.startsWith(`${reason}: `))),
    [],
  );
  await endWorld(world);
});

test("a second bad spec under the same reason is an event of its own, numbers alone are none", async () => {
  const world = await settledWorld();
  const specs = [{ vaultsPerNode: 9 }, { vaultsPerNode: 8 }, { vaultsPerNode: 2, copies: { target: 6 } }];
  for (const spec of specs) {
    world.edit(farms, "attic", { spec });
    await world.until("it is refused", () => world.condition("SpecAccepted")?.reason === "FixedField");
    await world.clock.advance(60_000);
  }
  const words = told(world, "FixedField");
  assert.equal(words.length, 2);
  assert.match(words.join("\n"), /vaultsPerNode: [^\n]*\n[^\n]*copies\.target: /);
  await endWorld(world);
});
