// Proves that only the operator decides that a node leaves and is taken away: what somebody else wrote into a VaultNode, brought back
// from a backup or left there without a seal removes nothing, is taken out for good, and is told. Method: the whole operator in
// virtual time over an API server in memory that knows who owns which field; other hands write in between.
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
import { collectionPath, type KubeObject } from "../kube/resource.ts";
import { annotations } from "../manifests/names.ts";
import { claims, farms, nodeRecords, pods } from "./resources.ts";

const deleting: Json = { ...farmSpec, storage: { ...(farmSpec["storage"] as object), reclaimPolicy: "Delete" } };
const assignedOf = (world: OperatorWorld, name: string): Json => (shownOf(world, nodeRecords, name)?.spec?.["assigned"] ?? {}) as Json;
const scale = (world: OperatorWorld, replicas: number): void => world.edit(farms, "attic", { spec: { replicas } });
const nobodyMissed = (world: OperatorWorld): boolean => world.nodes.stopped.every(({ short }) => short === 0);

/** Whether the node is there, and nobody says that it is released. */
const isKept = (world: OperatorWorld, name: string): boolean =>
  shownOf(world, nodeRecords, name) !== undefined && assignedOf(world, name)["released"] === undefined;

/** The first node of which `field` was decided. */
async function nodeWith(world: OperatorWorld, field: "leaving" | "released"): Promise<string> {
  const found = (): string | undefined => namesOf(world, nodeRecords).find((name) => assignedOf(world, name)[field] !== undefined);
  await world.until(`a node is ${field}`, () => found() !== undefined, 600_000);
  return found() ?? "";
}

async function assertAtRest(world: OperatorWorld): Promise<void> {
  await world.clock.advance(120_000);
  const from = world.kube.uses.length;
  await world.clock.advance(600_000);
  assert.deepEqual(
    writesSince(world, from).filter((write) => !write.includes("/status")),
    [],
    "and then nothing is written any more",
  );
}

test("a node that is down and that somebody calls released is kept with its volume; the field goes for good, and an event tells it", async () => {
  const world = await settledWorld({ ...deleting, replicas: 6 });
  const [name = ""] = namesOf(world, nodeRecords);
  world.edit(nodeRecords, name, { spec: { desired: "Offline" } });
  await world.until("it is offline", () => !namesOf(world, pods).includes(name), 600_000);
  const { uid } = shownOf(world, claims, name)?.metadata ?? {};
  world.edit(nodeRecords, name, { spec: { assigned: { released: true } } });
  await world.until("the field is gone", () => isKept(world, name), 120_000);
  await assertAtRest(world);
  assert.equal(shownOf(world, claims, name)?.metadata.uid, uid);
  assert.equal(shownOf(world, nodeRecords, name)?.metadata.deletionTimestamp, undefined);
  assert.match(eventsOf(world, "Warning").join("\n"), /NotDecided: spec\.assigned\.released taken out/);
  await endWorld(world);
});

test("a node that runs and that somebody has leave, or released, stays and is told nothing", async () => {
  const world = await settledWorld();
  const [first = "", second = ""] = namesOf(world, nodeRecords);
  const silent = world.nodes.running.get(first) ?? assert.fail();
  silent.silent = true;
  world.edit(nodeRecords, first, { spec: { assigned: { released: true } } });
  world.edit(nodeRecords, second, { spec: { assigned: { leaving: "ScaleDown" } } });
  const isClean = (name: string): boolean => !["leaving", "released"].some((field) => field in assignedOf(world, name));
  await world.until("both fields are gone", () => isClean(first) && isClean(second), 120_000);
  silent.silent = false;
  await assertAtRest(world);
  assert.deepEqual([namesOf(world, nodeRecords).length, namesOf(world, pods).length, world.nodes.stopped], [5, 5, []]);
  await endWorld(world);
});

test("a record that a backup brings back as it was when its node was released: the proof is made again before anything is removed", async () => {
  const world = await settledWorld({ ...deleting, replicas: 6 });
  scale(world, 5);
  const name = await nodeWith(world, "released");
  await world.stopOperator();
  const { metadata, spec } = shownOf(world, nodeRecords, name) ?? assert.fail();
  assert.notEqual(metadata.annotations?.[annotations.seal], undefined);
  const volume = shownOf(world, claims, name)?.metadata.uid;
  world.edit(nodeRecords, name, { metadata: { finalizers: [] } });
  world.remove(nodeRecords, name);
  await world.until("its pod is gone", () => !namesOf(world, pods).includes(name));
  const { labels = {}, annotations: notes = {}, finalizers = [], ownerReferences = [] } = metadata;
  world.create(nodeRecords, { metadata: { name, labels, annotations: notes, finalizers, ownerReferences }, spec } as never);
  world.startOperator();
  await world.until("it is not released any more", () => isKept(world, name));
  assert.equal(shownOf(world, claims, name)?.metadata.uid, volume);
  await world.until("one has left", () => isSettled(world, 5), 3_600_000);
  assert.ok(nobodyMissed(world) && world.nodes.copies().every((copies) => copies >= 4));
  await endWorld(world);
});

test("a node that an operator without seals released is proven again by the next one, and then goes", async () => {
  const world = await settledWorld({ ...deleting, replicas: 6 });
  scale(world, 5);
  const name = await nodeWith(world, "released");
  await world.stopOperator();
  world.edit(nodeRecords, name, { metadata: { annotations: { [annotations.seal]: null } } });
  world.startOperator();
  await world.until("it is not released any more", () => isKept(world, name));
  assert.ok(namesOf(world, claims).includes(name));
  await world.until("one has left", () => isSettled(world, 5), 3_600_000);
  assert.ok(nobodyMissed(world) && world.nodes.copies().every((copies) => copies >= 4));
  await assertAtRest(world);
  await endWorld(world);
});

test("an operator that is started anew goes on with what the one before it decided", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  scale(world, 5);
  const name = await nodeWith(world, "leaving");
  await world.stopOperator();
  world.startOperator();
  await world.until("it is gone", () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 5), 3_600_000);
  assert.deepEqual([world.nodes.left, eventsOf(world, "Warning").filter((event) => event.startsWith("NotDecided"))], [[name], []]);
  await endWorld(world);
});

test("what another program applies as its own too is taken back all the same, once the operator does not want it any more", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  scale(world, 5);
  const name = await nodeWith(world, "leaving");
  const seal = shownOf(world, nodeRecords, name)?.metadata.annotations?.[annotations.seal];
  const { leaving } = assignedOf(world, name);
  const applied = {
    metadata: { name, namespace, annotations: { [annotations.seal]: seal } },
    spec: { farm: "attic", assigned: { leaving } },
  };
  world.kube.objects.apply(collectionPath(nodeRecords), applied as unknown as KubeObject, {
    manager: "gitops",
    subresource: undefined,
    force: true,
  });
  scale(world, 6);
  await world.until("it stays", () => assignedOf(world, name)["leaving"] === undefined, 60_000);
  await world.until("all is as it was", () => isSettled(world, 6));
  await assertAtRest(world);
  assert.deepEqual(world.nodes.stopped, []);
  await endWorld(world);
});
