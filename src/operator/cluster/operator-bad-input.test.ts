// Proves that what is wrong around a farm is told by a condition and an event, costs no data, and is over once it is put
// right: a Secret that is missing or no key, a network that another farm has, objects of others with a
// farm's names or labels, finalizers that a dead operator left, and an API server that answers late. Method: the operator as
// a whole in virtual time over an API server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type OperatorWorld,
  type Shown,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import { labels, nodeFinalizer, selectorLabels } from "../manifests/names.ts";
import { claims, configMaps, deployments, farms, nodeRecords, pods, policies, secrets, services } from "./resources.ts";

const accepted = (world: OperatorWorld): string => {
  const { reason = "", message = "" } = world.condition("SpecAccepted") ?? {};
  return `${reason}: ${message}`;
};
const grantOf = (world: OperatorWorld): Shown | undefined => shownOf(world, secrets, "attic-gateway-grant");
// The simulated cluster gives a Service its addresses.
const bare = (object: Shown | undefined): unknown => ({
  labels: object?.metadata.labels,
  owners: object?.metadata.ownerReferences,
  annotations: object?.metadata.annotations,
  selector: object?.spec?.["selector"],
  data: object === undefined ? undefined : Reflect.get(object, "data"),
});
const key = (text: string) => ({ data: { key: Buffer.from(text).toString("base64") } });

test("a network key that is missing, and then of the wrong length, is waited for in words, and the farm begins once it is right", async () => {
  const world = createOperatorWorld({ ...farmSpec, network: { keySecretRef: { name: "mine", key: "key" } } });
  await world.until("it is missed", () => /^SecretMissing: .*there is no Secret mine/.test(accepted(world)));
  world.create(secrets, { metadata: { name: "mine" }, ...key("ab".repeat(31)) } as never);
  await world.until("its length is told", () => /^SecretMissing: .*key key of Secret mine must hold 64/.test(accepted(world)));
  assert.ok(!accepted(world).includes("abab"), "what is in a Secret is told to nobody");
  await world.clock.advance(60_000);
  const events = eventsOf(world, "Warning").filter((event) => event.startsWith("SecretMissing: "));
  assert.equal(events.length, 2, "each of the two troubles is told");
  assert.match(events[0] ?? "", /there is no Secret mine/);
  assert.match(events[1] ?? "", /key key of Secret mine must hold 64/);
  assert.ok(!events.join().includes("abab"));
  assert.deepEqual([namesOf(world, nodeRecords), namesOf(world, claims), namesOf(world, secrets)], [[], [], ["mine"]], "nothing is begun");
  world.edit(secrets, "mine", key("ab".repeat(32)));
  await world.until("the farm begins by itself", () => isSettled(world, 5));
  await endWorld(world);
});

test("a farm with a copy of another's network is refused and makes nothing; it begins once the other is gone", async () => {
  const world = await settledWorld();
  const before = [namesOf(world, nodeRecords), namesOf(world, pods), namesOf(world, claims)];
  const { data } = shownOf(world, secrets, "attic-network") as Shown & { readonly data: object };
  world.create(secrets, { metadata: { name: "barn-network" }, data } as never);
  world.create(farms, { metadata: { name: "barn" }, spec: farmSpec } as never);
  const barn = (): string => JSON.stringify(shownOf(world, farms, "barn")?.status?.["conditions"] ?? []);
  await world.until("it is refused", () => /NetworkInUse.*Secret barn-network holds the network of farm farms\/attic/.test(barn()));
  await world.clock.advance(300_000);
  assert.deepEqual([namesOf(world, nodeRecords), namesOf(world, pods), namesOf(world, claims)], before);
  assert.ok(eventsOf(world, "Warning").some((event) => event.startsWith("NetworkInUse: ")));
  assert.ok(isSettled(world, 5), "the farm whose network it is goes on");
  world.remove(farms, "attic");
  await world.until("the other takes the network over", () => /"NetworkInUse"/.test(barn()) === false && barn().includes("Accepted"));
  const kept = namesOf(world, claims);
  assert.ok(
    before[2]?.every((name) => kept.includes(name)),
    "what the first stored stays on its volumes",
  );
  await endWorld(world);
});

test("the first certificate of an earlier network is named and not sent to the nodes of a new one; once it is deleted the new one is founded", async () => {
  const world = await settledWorld();
  world.remove(farms, "attic");
  await world.until("it is gone", () => namesOf(world, pods).length === 0);
  for (const name of namesOf(world, claims)) world.remove(claims, name);
  world.remove(secrets, "attic-network");
  await world.clock.advance(60_000);
  world.create(farms, { metadata: { name: "attic" }, spec: farmSpec } as never);
  await world.until("it is named", () => world.condition("Degraded")?.reason === "ForeignObjects");
  assert.match(world.condition("Degraded")?.message ?? "", /^ConfigMap attic-first-certificate not made for this farm/);
  world.remove(configMaps, "attic-first-certificate");
  await world.until("it is founded", () => isSettled(world, 5) && world.condition("Degraded")?.reason === "AllWell");
  await endWorld(world);
});

test("another controller's pods with a farm's labels are told by name, and nothing is done to them or to the farm's data", async () => {
  const world = await settledWorld();
  const before = namesOf(world, nodeRecords);
  for (const [name, component] of [
    ["shop-a", "node"],
    ["shop-b", "gateway"],
  ] as const) {
    // The simulated cluster knows no ReplicaSets and takes away what has no owner that lives: this uid does.
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "shop", uid: world.farm().metadata.uid ?? "", controller: true };
    const metadata = { name, labels: { ...selectorLabels("attic", component) }, ownerReferences: [owner] };
    world.create(pods, { metadata, spec: {} } as never);
  }
  const [from, told] = [world.kube.uses.length, () => world.condition("Degraded")];
  await world.until("they are named", () => told()?.reason === "SelectorClash" && /shop-a, shop-b /.test(told()?.message ?? ""));
  await world.clock.advance(120_000);
  assert.ok(eventsOf(world, "Warning").some((event) => event.startsWith("SelectorClash: ")));
  assert.deepEqual(namesOf(world, nodeRecords), before);
  assert.ok(writesSince(world, from).every((write) => !write.includes("shop-")));
  for (const name of ["shop-a", "shop-b"]) world.edit(pods, name, { metadata: { labels: { "vaultfarm.dev/farm": null } } });
  await world.until("all is well", () => told()?.reason === "AllWell" && isSettled(world, 5));
  await endWorld(world);
});

test("what others made with names of a farm's objects is neither changed nor taken, and told; the farm makes its own once they are gone", async () => {
  const theirs = { metadata: { labels: { app: "shop" } }, spec: { selector: { app: "shop" } } };
  const world = createOperatorWorld(farmSpec);
  world.create(services, { ...theirs, metadata: { ...theirs.metadata, name: "attic-gateway" } } as never);
  world.create(policies, { metadata: { name: "attic-nodes", labels: { [labels.farm]: "attic" } }, spec: { podSelector: {} } } as never);
  world.create(secrets, { metadata: { name: "attic-gateway-grant" }, ...key("theirs") } as never);
  const shown = () => [shownOf(world, services, "attic-gateway"), shownOf(world, policies, "attic-nodes"), grantOf(world)].map(bare);
  const before = shown();
  const told = () => (world.condition("Degraded")?.reason === "ForeignObjects" ? (world.condition("Degraded")?.message ?? "") : "");
  await world.until("they are named", () => /^NetworkPolicy attic-nodes, Secret attic-gateway-grant, Service attic-gateway /.test(told()));
  await world.until("the nodes are ready all the same", () => world.farm().status?.["readyNodes"] === 5);
  await world.clock.advance(300_000);
  assert.ok(eventsOf(world, "Warning").some((event) => event.startsWith("ForeignObjects: ")));
  assert.deepEqual(shown(), before);
  assert.deepEqual(namesOf(world, deployments), [], "no gateways behind a Service of somebody else");
  for (const [resource, name] of [
    [services, "attic-gateway"],
    [policies, "attic-nodes"],
    [secrets, "attic-gateway-grant"],
  ] as const)
    world.remove(resource, name);
  await world.until("the farm is whole", () => isSettled(world, 5) && world.condition("Degraded")?.reason === "AllWell");
  assert.ok([shownOf(world, services, "attic-gateway"), grantOf(world)].every((object) => object?.metadata.labels?.[labels.farmUid]));
  await endWorld(world);
});

test("a claim of somebody else with a farm's label becomes no node, is named, and is there after the farm shrank", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  const metadata = {
    name: "shop-data",
    labels: { ...selectorLabels("attic", "node"), [labels.node]: namesOf(world, nodeRecords)[0] ?? "" },
  };
  world.create(claims, { metadata, spec: { resources: { requests: { storage: "1Gi" } } } } as never);
  const { uid } = shownOf(world, claims, "shop-data")?.metadata ?? {};
  await world.until("it is named", () => /PersistentVolumeClaim shop-data not made/.test(world.condition("Degraded")?.message ?? ""));
  world.edit(farms, "attic", { spec: { replicas: 5 } });
  await world.until("the farm shrank", () => isSettled(world, 5), 3_600_000);
  assert.ok(!namesOf(world, nodeRecords).includes("shop-data"));
  assert.equal(shownOf(world, claims, "shop-data")?.metadata.uid, uid);
  assert.ok(eventsOf(world, "Warning").some((event) => event.startsWith("ForeignObjects: ")));
  await endWorld(world);
});

test("finalizers that a dead operator left are taken off: of nodes whose farm went meanwhile, and no volume goes with them", async () => {
  const world = await settledWorld();
  const kept = namesOf(world, claims);
  const warned = eventsOf(world, "Warning");
  world.killOperator();
  const names = namesOf(world, nodeRecords);
  world.remove(farms, "attic");
  for (const name of names) world.remove(nodeRecords, name);
  assert.ok(world.all(nodeRecords).every(({ metadata }) => metadata.finalizers?.includes(nodeFinalizer)));
  assert.ok(world.all(nodeRecords).every(({ metadata }) => metadata.deletionTimestamp !== undefined));
  world.startOperator();
  await world.until("no record is left", () => world.all(nodeRecords).length === 0);
  assert.deepEqual([namesOf(world, claims), namesOf(world, secrets).includes("attic-network")], [kept, true]);
  await world.clock.advance(60_000);
  assert.deepEqual(eventsOf(world, "Warning"), warned, "what went as it was wished is nothing to be warned of");
  await endWorld(world);
});

test("a node deleted while no operator lived is drained by the next one, and only then let go", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  world.killOperator();
  const [name = ""] = namesOf(world, nodeRecords);
  world.remove(nodeRecords, name);
  assert.deepEqual(shownOf(world, nodeRecords, name)?.metadata.finalizers, [nodeFinalizer]);
  world.startOperator();
  const draining = (): string => `${world.condition("Draining")?.status} ${world.condition("Draining")?.message}`;
  await world.until("it is told", () => draining().startsWith(`True ${name} `));
  await world.until("it is replaced", () => shownOf(world, nodeRecords, name) === undefined && isSettled(world, 6), 3_600_000);
  await world.clock.advance(60_000);
  const events = eventsOf(world, "Normal").filter((event) => /^(HandingOver|ProvingCopies): /.test(event));
  assert.ok(events.length > 0 && events.every((event) => event.includes(`: ${name} `)), events.join());
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  assert.ok(world.nodes.copies().every((copies) => copies >= 5));
  await endWorld(world);
});

test("a node deleted where the network's keys are gone is held, as its data would be lost; it leaves proven once they are back", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  world.killOperator();
  const [name = ""] = namesOf(world, nodeRecords);
  const keys = shownOf(world, secrets, "attic-network");
  world.remove(secrets, "attic-network");
  world.remove(nodeRecords, name);
  world.startOperator();
  await world.until("it is told", () => /^SecretMissing: .*attic-network is gone.*from your backup/.test(accepted(world)));
  await world.clock.advance(600_000);
  assert.deepEqual(shownOf(world, nodeRecords, name)?.metadata.finalizers, [nodeFinalizer]);
  assert.ok(namesOf(world, pods).includes(name) && namesOf(world, claims).includes(name), "it goes on serving");
  assert.ok(eventsOf(world, "Warning").some((event) => event.startsWith("SecretMissing: ")));
  world.create(secrets, keys as never);
  await world.until("it is replaced", () => shownOf(world, nodeRecords, name) === undefined && isSettled(world, 6), 3_600_000);
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("an API server that answers every call after seconds is waited for: a farm is made and grown with no node too many", async () => {
  const world = createOperatorWorld(farmSpec);
  world.kube.delayMs = 3000;
  await world.until("the farm is installed", () => isSettled(world, 5), 3_600_000);
  world.edit(farms, "attic", { spec: { replicas: 7 } });
  const seen = new Set<number>();
  await world.until(
    "seven nodes",
    () => {
      seen.add(world.all(nodeRecords).length);
      return isSettled(world, 7);
    },
    3_600_000,
  );
  assert.equal(Math.max(...seen), 7, "none is made twice because its answer is late");
  assert.deepEqual(namesOf(world, pods), namesOf(world, nodeRecords));
  assert.ok(namesOf(world, configMaps).includes("attic-accepted"));
  await endWorld(world);
});
