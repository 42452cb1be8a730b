// Proves that what says whose an object is (labels, owners, a finalizer) can be taken off by hand without a volume counting as
// lost, a node being replaced or anything being made twice, and that it is put back; a claim of which nothing is left that says
// whose it is, is told and not touched. Method: the whole operator in virtual time.
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
import { namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import type { Resource } from "../kube/index.ts";
import { labels } from "../manifests/names.ts";
import {
  accounts,
  budgets,
  claims,
  configMaps,
  deployments,
  farms,
  ingresses,
  nodeRecords,
  pods,
  policies,
  secrets,
  services,
} from "./resources.ts";

const allLabels: Json = Object.fromEntries(Object.values(labels).map((label) => [label, null]));
const uidsOf = (world: OperatorWorld, resource: Resource): readonly unknown[] => world.all(resource).map(({ metadata }) => metadata.uid);
const everything = (world: OperatorWorld): readonly unknown[] => [nodeRecords, claims, pods].map((resource) => uidsOf(world, resource));
const leaving = (world: OperatorWorld): readonly unknown[] =>
  world.all(nodeRecords).filter(({ spec }) => JSON.stringify(spec).includes("leaving"));
const isWell = (world: OperatorWorld): boolean => isSettled(world, 5) && world.condition("Degraded")?.reason === "AllWell";

/** Time goes on, and at no moment is a volume said to be gone or a node replaced. */
async function nothingIsLost(world: OperatorWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await world.clock.advance(1000);
    assert.notEqual(world.condition("Degraded")?.reason, "VolumeMissing");
    assert.deepEqual(leaving(world), []);
  }
}

const taken: readonly (readonly [string, Json])[] = [
  ["the farm's label", { [labels.farm]: null }],
  ["the node's label", { [labels.node]: null }],
  ["all labels", allLabels],
  ["the farm's label, changed to that of another,", { [labels.farm]: "barn" }],
];

for (const [what, patch] of taken)
  test(`a claim of which ${what} was taken off counts as no lost volume and has it again; nothing is made or replaced`, async () => {
    const world = await settledWorld();
    const [name = ""] = namesOf(world, claims);
    const [before, was] = [everything(world), shownOf(world, claims, name)?.metadata.labels];
    const from = world.kube.uses.length;
    world.edit(claims, name, { metadata: { labels: patch } });
    await nothingIsLost(world, 90);
    assert.deepEqual(shownOf(world, claims, name)?.metadata.labels, was);
    assert.deepEqual([everything(world), isWell(world)], [before, true]);
    const writes = writesSince(world, from).filter(
      (write) => / (persistentvolumeclaims|pods|vaultnodes) /.test(write) && !write.includes("/status"),
    );
    assert.deepEqual(writes, [`patch persistentvolumeclaims ${name}`]);
    await endWorld(world);
  });

test("a claim that lost its labels while its pod was deleted and no operator lived is the volume that the node comes back with", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, claims);
  const [records, volumes] = [uidsOf(world, nodeRecords), uidsOf(world, claims)];
  await world.stopOperator();
  world.edit(claims, name, { metadata: { labels: allLabels } });
  world.remove(pods, name);
  await world.until("its pod is gone", () => shownOf(world, pods, name) === undefined);
  world.startOperator();
  await world.until("it has a pod again", () => shownOf(world, pods, name) !== undefined);
  await nothingIsLost(world, 90);
  assert.deepEqual([uidsOf(world, nodeRecords), uidsOf(world, claims), isWell(world)], [records, volumes, true]);
  await endWorld(world);
});

test("a claim made by somebody under a node's name is told and not touched, and no volume counts as lost for it; with a label it is the node's", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, claims);
  const records = uidsOf(world, nodeRecords);
  await world.stopOperator();
  const { spec = {} } = shownOf(world, claims, name) ?? {};
  world.edit(claims, name, { metadata: { finalizers: [] } });
  world.remove(claims, name);
  world.remove(pods, name);
  await world.until("its pod is gone", () => shownOf(world, pods, name) === undefined);
  // As a backup is restored.
  world.create(claims, { metadata: { name }, spec } as never);
  const { uid } = shownOf(world, claims, name)?.metadata ?? {};
  world.startOperator();
  await world.until("it is named", () => world.condition("Degraded")?.message.includes(`PersistentVolumeClaim ${name}`) === true);
  await nothingIsLost(world, 300);
  assert.equal(world.condition("Degraded")?.reason, "ForeignObjects");
  assert.deepEqual([shownOf(world, claims, name)?.metadata.labels, shownOf(world, pods, name)], [undefined, undefined]);
  world.edit(claims, name, { metadata: { labels: { [labels.node]: name } } });
  // What is on it is another matter: here nothing is, so the node begins with another identity and is kept apart.
  await world.until("the node runs with it", () => world.condition("Degraded")?.reason === "IdentityChanged");
  assert.deepEqual(
    [shownOf(world, claims, name)?.metadata.uid, shownOf(world, claims, name)?.metadata.labels?.[labels.farm]],
    [uid, "attic"],
  );
  assert.deepEqual(uidsOf(world, nodeRecords), records);
  await endWorld(world);
});

const recordPatches: readonly (readonly [string, Json])[] = [
  ["labels", { labels: allLabels }],
  ["owner", { ownerReferences: [] }],
  ["finalizer", { finalizers: [] }],
];
for (const [what, metadata] of recordPatches)
  test(`a VaultNode whose ${what} was taken off has it again, and its pod and volume are as they were`, async () => {
    const world = await settledWorld();
    const [name = ""] = namesOf(world, nodeRecords);
    const shown = (): unknown => {
      const { labels: own, ownerReferences, finalizers } = shownOf(world, nodeRecords, name)?.metadata ?? {};
      return { own, ownerReferences, finalizers };
    };
    const [before, was] = [everything(world), shown()];
    world.edit(nodeRecords, name, { metadata });
    assert.notDeepEqual(shown(), was);
    await nothingIsLost(world, 30);
    assert.deepEqual([shown(), everything(world), isWell(world)], [was, before, true]);
    await endWorld(world);
  });

for (const [what, metadata] of [
  ["owner", { ownerReferences: [] }],
  ["owner and all labels", { ownerReferences: [], labels: allLabels }],
] as const)
  test(`a pod whose ${what} was taken off runs on and has them again`, async () => {
    const world = await settledWorld();
    const [name = ""] = namesOf(world, pods);
    const shown = (): unknown => [shownOf(world, pods, name)?.metadata.ownerReferences, shownOf(world, pods, name)?.metadata.labels];
    const [before, was] = [everything(world), shown()];
    world.edit(pods, name, { metadata });
    await nothingIsLost(world, 90);
    assert.deepEqual([shown(), everything(world), isWell(world)], [was, before, true]);
    assert.deepEqual(world.nodes.stopped, []);
    await endWorld(world);
  });

const standing: readonly (readonly [Resource, string])[] = [
  [accounts, "attic-nodes"],
  [services, "attic-nodes"],
  [services, "attic-gateway"],
  [configMaps, "attic-peers"],
  [configMaps, "attic-accepted"],
  [policies, "attic-nodes"],
  [budgets, "attic-nodes"],
  [deployments, "attic-gateway"],
  [ingresses, "attic-gateway"],
];
test("labels, and then owners, taken off what a farm has besides its nodes are put back, and nothing of it is made anew", async () => {
  const world = await settledWorld({
    ...farmSpec,
    gateway: { writes: "off", ingress: { host: "attic.example", className: "nginx", path: "/" } },
  });
  const shown = (): unknown =>
    standing.map(([resource, name]) => {
      const { uid, labels: own, ownerReferences = [] } = shownOf(world, resource, name)?.metadata ?? {};
      return { resource: resource.kind, name, uid, own, ownerReferences };
    });
  const was = shown();
  for (const metadata of [{ labels: allLabels }, { ownerReferences: [] }]) {
    for (const [resource, name] of standing) world.edit(resource, name, { metadata });
    assert.notDeepEqual(shown(), was);
    await world.clock.advance(90_000);
    assert.deepEqual(shown(), was);
  }
  await endWorld(world);
});

test("Secrets are read by name: without labels they are used as they are, and the gateways' key is not made anew", async () => {
  const world = await settledWorld();
  const data = (name: string): unknown => shownOf(world, secrets, name)?.["data" as never];
  const names = namesOf(world, secrets);
  const [before, data0] = [everything(world), names.map(data)];
  for (const name of names) world.edit(secrets, name, { metadata: { labels: allLabels } });
  await nothingIsLost(world, 1500);
  world.edit(farms, "attic", { spec: { gateway: { replicas: 3 } } });
  await world.until("all is well", () => isWell(world));
  assert.deepEqual([names.map(data), everything(world)], [data0, before]);
  assert.ok(shownOf(world, secrets, "attic-gateway-grant")?.metadata.labels?.[labels.farmUid]);
  await endWorld(world);
});
