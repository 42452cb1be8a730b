// Proves what becomes of volumes that somebody else minds: a claim that a foreign finalizer keeps from going is told, and the
// farm goes on without it; another class or access mode counts for new volumes only, and those that there are grow all the
// same; vaults made smaller get smaller volumes. Method: the whole operator in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { endWorld, farmSpec, isSettled, type OperatorWorld, settledWorld } from "../../../test/support/operator/operator-world.ts";
import { namesOf } from "../../../test/support/operator/world-views.ts";
import { claims, farms, nodeRecords, storageClasses, volumes } from "./resources.ts";

const finalizer = "backup.example/snapshot";

test("a claim that a foreign finalizer holds is named with it once its node went, until it is let go", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, nodeRecords);
  const finalizers = ["kubernetes.io/pvc-protection", finalizer];
  world.edit(claims, name, { metadata: { finalizers } });
  world.remove(claims, name);
  await world.until("its node is replaced", () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 5), 3_600_000);
  await world.until("it is named", () => world.condition("Degraded")?.reason === "VolumeHeld");
  assert.ok(world.condition("Degraded")?.message.startsWith(`${name} (${finalizer}) deleted and still there`));
  assert.ok(namesOf(world, claims).includes(name), "nobody's finalizer is taken off");
  world.edit(claims, name, { metadata: { finalizers: [] } });
  await world.until("all is well", () => world.condition("Degraded")?.reason === "AllWell");
  await endWorld(world);
});

test("a claim whose volume somebody took away holds up no removal: what was to be kept is gone, and the farm goes on", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  for (const { metadata } of world.all(volumes)) world.remove(volumes, metadata.name);
  world.edit(farms, "attic", { spec: { replicas: 5 } });
  await world.until("one has left", () => isSettled(world, 5), 3_600_000);
  await world.until("its claim too", () => namesOf(world, claims).length === 5);
  await endWorld(world);
});

type Claim = {
  readonly storageClassName?: string;
  readonly accessModes?: readonly string[];
  readonly resources?: { requests: { storage: string } };
};
const claimSpecs = (world: OperatorWorld): readonly Claim[] => world.all(claims).map(({ spec }) => spec as Claim);

test("another class and access mode: new volumes have them, those that there are grow as they are", async () => {
  const world = await settledWorld();
  const before = claimSpecs(world).map(({ resources }) => resources?.requests.storage);
  world.create(storageClasses, { metadata: { name: "faster" } });
  const storage = { storageClassName: "faster", accessModes: ["ReadWriteOncePod"] };
  world.edit(farms, "attic", { spec: { storage, vaultCapacity: "2Gi" } });
  const grown = (): boolean => claimSpecs(world).every(({ resources }) => !before.includes(resources?.requests.storage ?? ""));
  await world.until("all have grown", () => grown() && isSettled(world, 5), 7_200_000);
  for (const { storageClassName, accessModes } of claimSpecs(world))
    assert.deepEqual([storageClassName, accessModes], [Reflect.get(farmSpec["storage"] as object, "storageClassName"), ["ReadWriteOnce"]]);
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  await world.until("another is made", () => isSettled(world, 6));
  const made = claimSpecs(world).filter(({ storageClassName }) => storageClassName === "faster");
  assert.deepEqual(
    made.map(({ accessModes }) => accessModes),
    [["ReadWriteOncePod"]],
  );
  await endWorld(world);
});

test("a smaller vaultCapacity: every node is rebuilt on a smaller volume, none is stopped with too few copies, all that stay are ready", async () => {
  const world = await settledWorld();
  world.nodes.store(10);
  await world.until("the chunks have their copies", () => world.nodes.copies().every((copies) => copies >= 4));
  const before = namesOf(world, nodeRecords);
  const sizes = claimSpecs(world).map(({ resources }) => resources?.requests.storage);
  world.edit(farms, "attic", { spec: { vaultCapacity: "512Mi" } });
  const rebuilt = (): boolean => namesOf(world, nodeRecords).every((name) => !before.includes(name));
  await world.until("all are rebuilt", () => rebuilt() && isSettled(world, 5), 7_200_000);
  await world.until("the larger volumes are given back", () =>
    claimSpecs(world).every(({ resources }) => !sizes.includes(resources?.requests.storage)),
  );
  assert.deepEqual(
    world.nodes.stopped.filter(({ short }) => short > 0),
    [],
  );
  assert.deepEqual([...world.nodes.left].sort(), [...before].sort(), "each said goodbye");
  assert.ok(world.nodes.copies().every((copies) => copies >= 4));
  await endWorld(world);
});
