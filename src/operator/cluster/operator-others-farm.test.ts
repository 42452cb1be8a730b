// Proves that of two releases which watch one namespace one runs a farm and the other leaves it alone and says so, that the other
// takes it once the first one is gone, and gives it back to nobody. Method: two operators as a whole in virtual time over one API
// server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { forbidden } from "../../../test/support/operator/memory-kube.ts";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, shownOf } from "../../../test/support/operator/world-views.ts";
import { silentLog } from "../../runtime/log.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { seededRandom } from "../../runtime/random.ts";
import { readConfig } from "../config.ts";
import { createKubeMetrics, type KubeClient, leases, type Resource } from "../kube/index.ts";
import { createFarmManager } from "../operator.ts";
import { configMaps, farms, nodeRecords, pods } from "./resources.ts";

type Second = {
  /** What it wrote so far: method and plural. */
  readonly writes: readonly string[];
  /** What it may not do from now on: verb and plural. */
  readonly refuse: Set<string>;
  stop(): Promise<void>;
};

/** The operator of another release, `elsewhere/second`, which watches all namespaces too. */
function startSecond({ clock, kube, nodes }: OperatorWorld, settings: Readonly<Record<string, string>> = {}): Second {
  const writes: string[] = [];
  const refuse = new Set<string>();
  const reads = new Set(["get", "list", "watch"]);
  const client = new Proxy(kube.client, {
    get: (target, name) => {
      const call = Reflect.get(target, name) as (resource: Resource, ...args: readonly unknown[]) => unknown;
      return (resource: Resource, ...args: readonly unknown[]) => {
        const what = `${String(name)} ${resource.plural}`;
        if (refuse.has(what)) return Promise.resolve({ ok: false, error: forbidden(String(name), resource) });
        if (!reads.has(String(name))) writes.push(what);
        return call.call(target, resource, ...args);
      };
    },
  }) as KubeClient;
  const config = readConfig({
    VAULTFARM_OPERATOR_NAMESPACE: "elsewhere",
    VAULTFARM_OPERATOR_LEASE: "second",
    VAULTFARM_OPERATOR_IDENTITY: "two",
    VAULTFARM_OPERATOR_IMAGE: "vaultfarm:2",
    ...settings,
  });
  const registry = createMetricsRegistry({ processMetrics: false });
  const reach = { client, call: nodes.call, registry, metrics: createKubeMetrics(registry) };
  const stopping = new AbortController();
  const running = createFarmManager(config, { clock, random: seededRandom(99), log: silentLog }, reach).run(stopping.signal);
  return {
    writes,
    refuse,
    stop: async () => {
      stopping.abort(new Error("the test stops it"));
      await clock.runUntil(running);
    },
  };
}

const operatorOf = (world: OperatorWorld): unknown =>
  (shownOf(world, configMaps, "attic-accepted") as unknown as { readonly data: Json }).data["operator"];
const warnings = (world: OperatorWorld): readonly string[] =>
  eventsOf(world, "Warning").filter((event) => event.startsWith("OtherOperator: "));
/** Writes that are about a farm: not its lease, the kinds and its events. */
const ofFarms = ({ writes }: Second): readonly string[] =>
  writes.filter((write) => !/ (leases|customresourcedefinitions|events)$/.test(write));
const grow = (world: OperatorWorld, replicas: number): void => world.edit(farms, "attic", { spec: { replicas } });

test("a second release that watches the namespace writes nothing to the farm of the first, and one event says who runs it", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it says so", () => warnings(world).length === 1);
  assert.match(
    warnings(world)[0] ?? "",
    /operator system\/vaultfarm runs this farm, so operator elsewhere\/second leaves it alone: .*watchNamespaces/,
  );
  grow(world, 6);
  await world.until("the first one goes on", () => isSettled(world, 6));
  await world.clock.advance(900_000);
  assert.deepEqual(ofFarms(second), []);
  assert.deepEqual([warnings(world).length, operatorOf(world)], [1, "system/vaultfarm"]);
  await second.stop();
  await endWorld(world);
});

test("a farm whose operator was uninstalled, its lease with it, is the other's at its next look", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  await world.stopOperator();
  const released = await world.kube.client.remove(leases, { namespace: "system", name: "vaultfarm" });
  assert.ok(released.ok);
  grow(world, 6);
  await world.until("the second one grows it", () => isSettled(world, 6));
  assert.equal(operatorOf(world), "elsewhere/second");
  await second.stop();
  await endWorld(world);
});

test("an operator that died is waited for a minute; once it is back it leaves the farm to the one that took it", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  world.killOperator();
  await world.clock.advance(40_000);
  assert.deepEqual(ofFarms(second), [], "it may be about to be started again");
  grow(world, 6);
  await world.until("the second one grows it", () => isSettled(world, 6));
  world.startOperator();
  await world.until("the first one leaves it alone", () => warnings(world).length === 2);
  grow(world, 7);
  await world.until("the second one goes on", () => isSettled(world, 7));
  assert.equal(operatorOf(world), "elsewhere/second");
  await second.stop();
  await endWorld(world);
});

test("where it cannot be read whether the other lives it is taken for alive", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  second.refuse.add("get leases");
  world.killOperator();
  await world.clock.advance(900_000);
  assert.deepEqual(ofFarms(second), []);
  await second.stop();
  await endWorld(world);
});

test("who writes a name into the farm's map takes it from nobody", async () => {
  const world = await settledWorld();
  world.edit(configMaps, "attic-accepted", { data: { operator: "no/body" } });
  await world.until("it is put right", () => operatorOf(world) === "system/vaultfarm");
  assert.deepEqual(warnings(world), []);
  await endWorld(world);
});

test("who does so where two watch takes it from the one that runs it neither", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  world.edit(configMaps, "attic-accepted", { data: { operator: "no/body" } });
  await world.until("it is put right", () => operatorOf(world) !== "no/body");
  world.edit(configMaps, "attic-accepted", { data: { operator: null } });
  await world.until("it is put right again", () => operatorOf(world) !== undefined);
  await world.clock.advance(300_000);
  assert.deepEqual([ofFarms(second), operatorOf(world)], [[], "system/vaultfarm"]);
  await second.stop();
  await endWorld(world);
});

test("a farm whose newest spec is refused is taken from an operator that died for good, and stays with the one that took it", async () => {
  const world = await settledWorld();
  world.edit(farms, "attic", { spec: { copies: { min: 3 } } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  world.killOperator();
  await world.until("the second one takes it", () => operatorOf(world) === "elsewhere/second");
  await world.clock.advance(900_000);
  assert.equal(warnings(world).length, 1, "it does not say again that another runs it");
  world.startOperator();
  await world.until("the first one leaves it alone", () => warnings(world).length === 2);
  await second.stop();
  await endWorld(world);
});

test("an operator that may no longer read a kind says nothing in the status of a farm that another runs", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  for (const what of ["list pods", "watch pods"]) second.refuse.add(what);
  await world.clock.advance(1_800_000);
  assert.deepEqual(ofFarms(second), []);
  await second.stop();
  await endWorld(world);
});

test("a farm whose operator watches other namespaces from now on is the one's that watches its own", async () => {
  const world = await settledWorld();
  const second = startSecond(world, { VAULTFARM_OPERATOR_NAMESPACES: "farms" });
  await world.until("it leaves it alone", () => warnings(world).length === 1);
  await world.stopOperator();
  world.startOperator(undefined, ["elsewhere"]);
  await world.until("the second one takes it", () => operatorOf(world) === "elsewhere/second");
  grow(world, 6);
  await world.until("and grows it", () => isSettled(world, 6));
  await second.stop();
  await endWorld(world);
});

test("a farm of which it cannot be read whether its operator lives says what right is missing", async () => {
  const world = await settledWorld();
  const second = startSecond(world);
  await world.until("it leads", () => second.writes.includes("create leases"));
  second.refuse.add("get leases");
  await world.until("it says so", () => warnings(world).some((event) => event.includes("may not be read")));
  assert.match(warnings(world).at(-1) ?? "", /its Lease may not be read \(.*cannot get resource "leases".*grant that/);
  await second.stop();
  await endWorld(world);
});

test("of two that begin with a new farm at the same moment one makes it, of its image alone", async () => {
  const world = createOperatorWorld(farmSpec);
  world.kube.delayMs = 200;
  const second = startSecond(world);
  await world.until("it is made", () => isSettled(world, 5));
  const { image, operator } = (shownOf(world, configMaps, "attic-accepted") as unknown as { readonly data: Json }).data;
  const runs = world
    .all(pods)
    .flatMap(({ spec }) => ((spec?.["containers"] ?? []) as readonly Json[]).map((container) => container["image"]));
  assert.deepEqual(new Set(runs), new Set([image]));
  await world.clock.advance(300_000);
  assert.deepEqual([operatorOf(world), world.all(nodeRecords).length, warnings(world).length], [operator, 5, 1]);
  await second.stop();
  await endWorld(world);
});
