// Proves that what people change by hand in a farm's objects is put right when it is seen, that nobody is fought over it, and
// that a farm says in time what comes next. Method: the operator as a whole in virtual time over an API server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  namespace,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import { seededRandom } from "../../runtime/random.ts";
import type { Resource } from "../kube/index.ts";
import { sealDecision } from "../manifests/decision-seal.ts";
import { annotations } from "../manifests/names.ts";
import { newNetworkSecret, readNetworkSecret } from "../manifests/network-secret.ts";
import { repairEveryMs } from "./farm-memory.ts";
import { accounts, budgets, configMaps, deployments, farms, nodeRecords, pods, policies, secrets, services } from "./resources.ts";

const bare = (object: unknown): unknown => {
  const { metadata, status: _status, ...rest } = object as { readonly metadata: Json; readonly status?: unknown };
  return { labels: metadata["labels"], ...rest };
};

const edits: readonly (readonly [Resource, string, Json])[] = [
  [deployments, "attic-gateway", { spec: { replicas: 9, template: { spec: { hostNetwork: true, terminationGracePeriodSeconds: 1 } } } }],
  [services, "attic-gateway", { spec: { selector: { "app.kubernetes.io/name": "another" } } }],
  [budgets, "attic-nodes", { spec: { minAvailable: 0 } }],
  [budgets, "attic-gateway", { spec: { maxUnavailable: 2 } }],
  [policies, "attic-nodes", { spec: { ingress: [] } }],
  [configMaps, "attic-peers", { data: { "peers.json": "[]" } }],
  [configMaps, "attic-accepted", { data: { spec: "{" } }],
  [accounts, "attic-nodes", { automountServiceAccountToken: true }],
  [services, "attic-nodes", { metadata: { labels: { "app.kubernetes.io/name": null } } }],
];

for (const [resource, name, patch] of edits)
  test(`${resource.kind} ${name}, changed by hand, is as before within seconds, and then left alone`, async () => {
    const world = await settledWorld();
    const { hostNetwork: _added, ...before } = { hostNetwork: undefined, ...(bare(shownOf(world, resource, name)) as object) };
    world.edit(resource, name, patch);
    assert.notDeepEqual(bare(shownOf(world, resource, name)), before);
    const from = world.kube.uses.length;
    await world.until("it is put right", () => writesSince(world, from).includes(`patch ${resource.plural} ${name}`), 3000);
    if (resource === deployments) world.edit(resource, name, { spec: { template: { spec: { hostNetwork: null } } } });
    assert.deepEqual(bare(shownOf(world, resource, name)), before);
    await world.clock.advance(5000);
    const rest = world.kube.uses.length;
    await world.clock.advance(600_000);
    assert.deepEqual(objectWrites(world, rest), []);
    await endWorld(world);
  });

test("what others add, and what a server fills in, is theirs: nothing is written for it", async () => {
  const world = await settledWorld();
  const from = world.kube.uses.length;
  world.edit(deployments, "attic-gateway", {
    metadata: { annotations: { "deployment.kubernetes.io/revision": "7" } },
    spec: { paused: false },
  });
  world.edit(services, "attic-gateway", { spec: { sessionAffinity: "None" }, metadata: { labels: { team: "shop" } } });
  await world.clock.advance(300_000);
  assert.deepEqual(objectWrites(world, from), []);
  await endWorld(world);
});

test("another program that changes an object again and again is answered once a minute, not in a loop", async () => {
  const world = await settledWorld();
  const from = world.kube.uses.length;
  const minutes = 10;
  for (let second = 0; second < minutes * 60; second += 1) {
    world.edit(deployments, "attic-gateway", { spec: { replicas: 9 } });
    await world.clock.advance(1000);
  }
  const repairs = writesSince(world, from).filter((write) => write === "patch deployments attic-gateway").length;
  assert.ok(repairs >= minutes / 2 && repairs <= (minutes * 60_000) / repairEveryMs + 1, `${repairs} repairs`);
  await endWorld(world);
});

test("a pod of which somebody changed the image is made anew once nothing is missing without it", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, pods);
  const images = (): unknown =>
    (shownOf(world, pods, name)?.spec?.["containers"] as readonly { readonly image: string }[] | undefined)?.[0]?.image;
  const [wanted, uid] = [images(), shownOf(world, pods, name)?.metadata.uid];
  const containers = (shownOf(world, pods, name)?.spec?.["containers"] ?? []) as readonly Json[];
  world.edit(pods, name, { spec: { containers: containers.map((one) => ({ ...one, image: "another:1" })) } });
  await world.until("it is another pod", () => ![undefined, uid].includes(shownOf(world, pods, name)?.metadata.uid));
  await world.until("and all is well", () => isSettled(world, 5));
  assert.equal(images(), wanted);
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("while a node drains, copies that are still on it put nothing at risk", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  world.nodes.setIdle(true);
  scale(world, 5);
  await world.until("a node drains", () => world.condition("Draining")?.reason === "HandingOver");
  for (let looks = 0; looks < 60; looks += 1) {
    assert.deepEqual([world.condition("DataAtRisk")?.reason, world.farm().status?.["chunksBelowMin"]], ["EnoughCopies", 0]);
    await world.clock.advance(1000);
  }
  assert.equal(world.all(nodeRecords).length, 6, "it stays until its copies are made elsewhere");
  world.nodes.setIdle(false);
  await world.until("it has left", () => isSettled(world, 5), 3_600_000);
  await endWorld(world);
});

test("status.plan tells each change of plan within two seconds", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  const plan = (): string => JSON.stringify(world.farm().status?.["plan"]);
  assert.equal(plan(), "[]");
  scale(world, 5);
  await world.until("the plan says that one is too many", () => /one too many/.test(plan()), 2000);
  await world.until("the plan says what is proven", () => /proven twice/.test(plan()), 600_000);
  await world.until("it is carried out", () => world.all(nodeRecords).length === 5, 3_600_000);
  await world.until("the plan is empty", () => plan() === "[]", 5000);
  await endWorld(world);
});

test("a node whose machine stays gone is replaced after lostAfterSeconds, not before; the network has its copies again", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6, repair: { lostAfterSeconds: 600 } });
  const before = namesOf(world, nodeRecords);
  const [lost] = world.all(pods);
  const name = lost?.metadata.name ?? "";
  world.cluster.setMachine(String(lost?.spec?.["nodeName"]), false);
  await world.clock.advance(590_000);
  assert.deepEqual(namesOf(world, nodeRecords), before, "it may still come back");
  assert.equal(world.condition("Degraded")?.reason, "NodesMissing");
  await world.until(
    "it is gone, and another is there",
    () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 6),
    3_600_000,
  );
  await world.until("all copies are made", () => world.nodes.copies().every((copies) => copies >= 5));
  assert.equal(before.filter((one) => namesOf(world, nodeRecords).includes(one)).length, 5, "only that one");
  assert.ok(world.nodes.stopped.every((stopped) => stopped.name === name || stopped.short === 0));
  await endWorld(world);
});

test("a farm that does not get on with a replacement is named by those that wait for it, and holds up nobody while it is paused", async () => {
  const world = await settledWorld();
  // Of a spec that is refused nothing is carried out.
  world.create(farms, { metadata: { name: "cellar" }, spec: { replicas: "many" } } as never);
  replaceInCellar(world, true);
  const [name = ""] = namesOf(world, nodeRecords);
  world.cluster.setMachine(String(shownOf(world, pods, name)?.spec?.["nodeName"]), false);
  const plan = (): string => JSON.stringify(world.farm().status?.["plan"]);
  await world.until("it waits, and says for whom", () => plan().includes("replaced once farms/cellar replaced theirs"), 2_400_000);
  await world.clock.advance(600_000);
  assert.deepEqual([world.condition("Progressing")?.reason, namesOf(world, nodeRecords).includes(name)], ["Waiting", true]);
  world.edit(farms, "cellar", { spec: { paused: true } });
  await world.until("it is replaced", () => !namesOf(world, nodeRecords).includes(name), 3_600_000);
  await endWorld(world);
});

test("a record of another farm that only somebody's hand calls replaced holds up nobody", async () => {
  const world = await settledWorld();
  world.create(farms, { metadata: { name: "cellar" }, spec: { replicas: "many" } } as never);
  replaceInCellar(world, false);
  const [name = ""] = namesOf(world, nodeRecords);
  world.cluster.setMachine(String(shownOf(world, pods, name)?.spec?.["nodeName"]), false);
  await world.until("it is replaced", () => !namesOf(world, nodeRecords).includes(name), 3_600_000);
  await endWorld(world);
});

/** Farm cellar has its keys, and a record of a node that is being replaced. `sealed`: as its operator writes it. */
function replaceInCellar(world: OperatorWorld, sealed: boolean): void {
  const [name, assigned] = ["cellar-aaaaa", { leaving: "Replaced" }] as const;
  const farm = { name: "cellar", namespace, uid: shownOf(world, farms, "cellar")?.metadata.uid ?? "" };
  const beginning = { copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 30, createdAtMs: world.clock.wallMs() };
  const secret = newNetworkSecret(farm, beginning, seededRandom(7));
  const read = readNetworkSecret(secret["data"] as Readonly<Record<string, string>>);
  const keys = read.ok ? read.keys : assert.fail(read.why);
  world.create(secrets, secret);
  world.create(nodeRecords, { metadata: { name }, spec: { farm: farm.name, assigned } } as never);
  const uid = shownOf(world, nodeRecords, name)?.metadata.uid ?? "";
  const seal = sealDecision(assigned, { farmUid: farm.uid, name, uid: sealed ? uid : "another" }, { keys, wallMs: world.clock.wallMs() });
  world.edit(nodeRecords, name, { metadata: { annotations: { [annotations.seal]: seal } } });
}

test("a VaultNode made by hand in a farm that wants no more leaves again unused, and an event names it", async () => {
  const world = await settledWorld();
  const before = namesOf(world, nodeRecords);
  world.create(nodeRecords, { metadata: { name: "attic-mine" }, spec: { farm: "attic" } } as never);
  await world.until("it is gone", () => !namesOf(world, nodeRecords).includes("attic-mine"));
  await world.until("the rest is as it was", () => isSettled(world, 5));
  assert.deepEqual([namesOf(world, nodeRecords), world.nodes.stopped], [before, []]);
  await world.clock.advance(60_000);
  const told = eventsOf(world, "Warning").filter((event) => event.startsWith("SurplusNodes"));
  assert.match(told.join(), /attic-mine.*made by hand.*spec\.replicas/);
  await endWorld(world);
});

test("a farm that hibernates and wakes warns of nothing", async () => {
  const world = await settledWorld();
  const before = eventsOf(world, "Warning");
  scale(world, 0);
  await world.until("it sleeps", () => namesOf(world, pods).length === 0);
  await world.clock.advance(120_000);
  scale(world, 5);
  await world.until("it is awake", () => isSettled(world, 5));
  await world.clock.advance(120_000);
  assert.deepEqual(eventsOf(world, "Warning"), before);
  assert.ok(eventsOf(world, "Normal").some((event) => event.startsWith("Hibernating")));
  await endWorld(world);
});

// Statuses follow what nodes hold.
function objectWrites(world: OperatorWorld, from: number): readonly string[] {
  return writesSince(world, from).filter((write) => !write.includes("/status"));
}

function scale(world: OperatorWorld, replicas: number): void {
  world.edit(farms, "attic", { spec: { replicas } });
}

for (const label of ["vaultfarm.dev/farm", "vaultfarm.dev/node", "app.kubernetes.io/component"])
  test(`a pod whose label ${label} was taken off runs on and has it again; no second pod is made, no other is touched`, async () => {
    const world = await settledWorld();
    const [name = ""] = namesOf(world, pods);
    const uids = (): readonly unknown[] => world.all(pods).map(({ metadata }) => metadata.uid);
    const [before, was] = [uids(), shownOf(world, pods, name)?.metadata.labels];
    const from = world.kube.uses.length;
    world.edit(pods, name, { metadata: { labels: { [label]: null } } });
    await world.until("it has it again", () => shownOf(world, pods, name)?.metadata.labels?.[label] === was?.[label], 120_000);
    await world.until("all is well", () => isSettled(world, 5) && world.condition("Ready")?.status === "True");
    assert.deepEqual(shownOf(world, pods, name)?.metadata.labels, was);
    assert.deepEqual(uids(), before);
    assert.deepEqual(world.nodes.stopped, []);
    const writes = writesSince(world, from);
    assert.ok(!writes.some((write) => write.startsWith("delete pods")));
    assert.ok(writes.filter((write) => write === `patch pods ${name}`).length <= 1);
    await endWorld(world);
  });

test("a pod of somebody else with the name of a node is left alone and named; the node gets its own once that is gone", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, pods);
  // The operator is away while it happens: it would be faster.
  await world.stopOperator();
  world.remove(pods, name);
  await world.until("it is gone", () => shownOf(world, pods, name) === undefined);
  world.create(pods, { metadata: { name }, spec: { nodeName: "machine-9", containers: [{ name: "other", image: "another:1" }] } } as never);
  const { uid } = shownOf(world, pods, name)?.metadata ?? {};
  world.startOperator();
  await world.until("the farm names it", () => world.condition("Degraded")?.message.includes(`Pod ${name}`) === true);
  assert.equal(world.condition("Degraded")?.reason, "ForeignObjects");
  await world.clock.advance(120_000);
  assert.equal(shownOf(world, pods, name)?.metadata.uid, uid);
  world.remove(pods, name);
  await world.until("all is well", () => isSettled(world, 5) && world.condition("Degraded")?.reason === "AllWell");
  await endWorld(world);
});
