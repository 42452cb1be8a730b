// Proves that another version of the operator, with another image or another way to write a template, changes no pod of a farm
// until its behaviourVersion is raised, and what the farm says meanwhile. Method: the operator as a whole in virtual time over
// an API server in memory, stopped and started again as another version.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  type Shown,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { namesOf, shownOf } from "../../../test/support/operator/world-views.ts";
import type { KubeObject } from "../kube/index.ts";
import { withKeptTemplate } from "../manifests/kept-template.ts";
import { annotations } from "../manifests/names.ts";
import { imageToRun } from "../vault-farm/running-image.ts";
import { configMaps, deployments, farms, pods } from "./resources.ts";

const old = "vaultfarm:1";
const next = "vaultfarm:2";

type Containers = { readonly containers: readonly { readonly image: string }[] };
const uids = (world: OperatorWorld): readonly unknown[] =>
  world
    .all(pods)
    .map(({ metadata }) => metadata.uid)
    .sort();
const images = (world: OperatorWorld): readonly string[] => [
  ...new Set(world.all(pods).map(({ spec }) => (spec as unknown as Containers).containers[0]?.image ?? "")),
];
const template = (world: OperatorWorld): unknown => shownOf(world, deployments, "attic-gateway")?.spec?.["template"];
const gatewayImage = (world: OperatorWorld): string | undefined =>
  (template(world) as { readonly spec: Containers } | undefined)?.spec.containers[0]?.image;

async function upgrade(world: OperatorWorld, image: string): Promise<void> {
  await world.stopOperator();
  world.startOperator(image);
}
const raise = (world: OperatorWorld, behaviourVersion: number): void =>
  world.edit(farms, "attic", { spec: { update: { behaviourVersion } } });

test("an operator with another image changes no pod and no gateway; the farm says what it runs and how to take the other", async () => {
  const world = await settledWorld();
  const before = [uids(world), template(world)];
  assert.equal(world.condition("UpdateAvailable")?.reason, "SameImage");
  await upgrade(world, next);
  await world.until("the farm shows the offer", () => world.condition("UpdateAvailable")?.reason === "OtherImage");
  await world.clock.advance(600_000);
  assert.deepEqual([uids(world), template(world)], before);
  assert.equal(world.farm().status?.["image"], old);
  assert.match(
    world.condition("UpdateAvailable")?.message ?? "",
    /runs vaultfarm:1, .* vaultfarm:2; set spec\.update\.behaviourVersion to 2 /,
  );
  await endWorld(world);
});

test("what is made again after an upgrade runs the farm's image, not the operator's: a pod, the gateways, a node more", async () => {
  const world = await settledWorld();
  await upgrade(world, next);
  await world.until("the farm shows the offer", () => world.condition("UpdateAvailable")?.reason === "OtherImage");
  const [name = ""] = namesOf(world, pods);
  world.remove(pods, name);
  world.remove(deployments, "attic-gateway");
  await world.until("both are back", () => gatewayImage(world) !== undefined && isSettled(world, 5));
  world.edit(farms, "attic", { spec: { ...farmSpec, replicas: 6 } });
  await world.until("there is one more", () => isSettled(world, 6));
  assert.deepEqual(images(world), [old]);
  assert.equal(gatewayImage(world), old);
  await endWorld(world);
});

test("a raised behaviourVersion takes the operator's image, pod by pod with nothing missing, and a lower one takes nothing", async () => {
  const world = await settledWorld();
  await upgrade(world, next);
  raise(world, 7);
  await world.until("all run the other", () => images(world).join() === next && isSettled(world, 5), 3_600_000);
  assert.equal(gatewayImage(world), next);
  assert.ok(world.nodes.stopped.length >= 5 && world.nodes.stopped.every(({ short }) => short === 0));
  assert.deepEqual([world.condition("UpdateAvailable")?.reason, world.farm().status?.["image"]], ["SameImage", next]);
  await upgrade(world, old);
  await world.until("the farm shows the offer", () => world.condition("UpdateAvailable")?.reason === "OtherImage");
  assert.equal(world.farm().status?.["image"], next);
  assert.deepEqual(imageToRun({ image: next, behaviourVersion: 7 }, 6, old), { image: next, behaviourVersion: 7 });
  assert.deepEqual(imageToRun({ image: next, behaviourVersion: 7 }, 8, old), { image: old, behaviourVersion: 8 });
  await endWorld(world);
});

test("a node that the operator alone does not hear of is not started anew meanwhile: all are once it is heard, each on proof", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  await world.clock.advance(400_000);
  const before = uids(world);
  // Whose turn it is: the first of the first zone, which machines m0 and m3 are in.
  const inZone = [...world.nodes.running.values()].filter(({ host }) => host === "m0" || host === "m3");
  const node = inZone.sort((a, b) => (a.name < b.name ? -1 : 1))[0] ?? assert.fail();
  node.unheard = true;
  raise(world, 7);
  await world.clock.advance(600_000);
  assert.deepEqual(uids(world), before);
  node.unheard = false;
  await world.until("all were started anew", () => uids(world).every((uid) => !before.includes(uid)) && isSettled(world, 6), 3_600_000);
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("who edits the ConfigMap does not choose the image: it is put right with what the pods run", async () => {
  const world = await settledWorld();
  world.edit(configMaps, "attic-accepted", { data: { image: "somebody/else:1", behaviourVersion: "9" } });
  const map = (): Json => (shownOf(world, configMaps, "attic-accepted") as unknown as { readonly data: Json }).data;
  await world.until("it is put right", () => map()["image"] === old && map()["behaviourVersion"] === "1");
  await world.clock.advance(60_000);
  assert.deepEqual([images(world), gatewayImage(world)], [[old], old]);
  await endWorld(world);
});

test("a farm whose operator noted no image is known by its pods: a later operator says that it offers another", async () => {
  const world = await settledWorld();
  const before = uids(world);
  await world.stopOperator();
  world.edit(configMaps, "attic-accepted", { data: { image: null, behaviourVersion: null, operator: null } });
  world.startOperator(next);
  await world.until("the farm shows the offer", () => world.condition("UpdateAvailable")?.reason === "OtherImage");
  await world.clock.advance(600_000);
  assert.deepEqual([uids(world), images(world), world.farm().status?.["image"]], [before, [old], old]);
  raise(world, 2);
  await world.until("all run the other", () => images(world).join() === next && isSettled(world, 5), 3_600_000);
  await endWorld(world);
});

test("an operator that would write the same template in another way keeps the one that is there, and takes another one's settings at once", () => {
  const deployment = (grace: number, replicas: number): Parameters<typeof withKeptTemplate>[0] => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "attic-gateway" },
    spec: { replicas, template: { spec: { terminationGracePeriodSeconds: grace } } },
  });
  const first = withKeptTemplate(deployment(30, 1), "settings");
  const later = withKeptTemplate(deployment(45, 2), "settings", first);
  assert.deepEqual(later["spec"], { replicas: 2, template: { spec: { terminationGracePeriodSeconds: 30 } } });
  assert.deepEqual(withKeptTemplate(deployment(45, 2), "others", first)["spec"], deployment(45, 2)["spec"]);
  for (const note of ["{", "{}", '{"of":"settings","template":7}', '{"of":"settings"}']) {
    const edited = { metadata: { name: "attic-gateway", annotations: { [annotations.madeOf]: note } } };
    assert.deepEqual(withKeptTemplate(deployment(45, 2), "settings", edited)["spec"], deployment(45, 2)["spec"], note);
  }
  const owned = JSON.stringify([{ "f:metadata": { "f:annotations": { "f:others": {} } } }]);
  assert.deepEqual(withKeptTemplate(deployment(45, 2), "settings", { ...first, owned })["spec"], deployment(45, 2)["spec"]);
});

test("a template that an earlier operator wrote in another way stays through looks and changes of number, and its note is read once", async () => {
  const world = await settledWorld();
  const shown = (): Shown => shownOf(world, deployments, "attic-gateway") ?? assert.fail();
  const template = (): Json => shown().spec?.["template"] as Json;
  const before = template();
  const earlier = { ...before, spec: { ...(before["spec"] as Json), terminationGracePeriodSeconds: 33 } };
  const { of } = JSON.parse(shown().metadata.annotations?.[annotations.madeOf] ?? "") as { readonly of: string };
  await world.stopOperator();
  // Written under the operator's name, as an earlier one would have.
  const { name, namespace, labels, ownerReferences } = shown().metadata;
  const metadata = {
    name,
    namespace,
    labels,
    ownerReferences,
    annotations: { [annotations.madeOf]: JSON.stringify({ of, template: earlier }) },
  };
  const applied = { metadata, spec: { ...shown().spec, template: earlier } } as KubeObject;
  assert.ok((await world.kube.client.apply(deployments, applied, { force: true })).ok);
  const from = world.kube.uses.length;
  world.startOperator();
  await world.until("all is well", () => isSettled(world, 5));
  await world.clock.advance(600_000);
  assert.deepEqual(template(), earlier);
  world.edit(farms, "attic", { spec: { gateway: { replicas: 2 } } });
  await world.until("there is one more", () => shown().spec?.["replicas"] === 2);
  assert.deepEqual(template(), earlier);
  const reads = world.kube.uses
    .slice(from)
    .filter(({ verb, resource, name }) => verb === "get" && resource === "deployments" && name === "attic-gateway");
  assert.equal(reads.length, 1);
  await endWorld(world);
});
