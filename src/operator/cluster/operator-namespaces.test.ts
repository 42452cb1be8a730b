// Proves that what holds over all farms holds over those of all namespaces that are watched by name: no network has two farms, and
// lost nodes are replaced one at a time, also where farms are looked at in the same moment. Method: the operator as a whole in virtual
// time, which watches two namespaces.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { namesOf, shownOf } from "../../../test/support/operator/world-views.ts";
import { seededRandom } from "../../runtime/random.ts";
import type { KubeObject, Resource } from "../kube/index.ts";
import { collectionPath } from "../kube/resource.ts";
import { sealDecision } from "../manifests/decision-seal.ts";
import { annotations, nodeFinalizer } from "../manifests/names.ts";
import { newNetworkSecret, readNetworkSecret } from "../manifests/network-secret.ts";
import { farms, nodeRecords, pods, secrets } from "./resources.ts";

const yard = "yard";
const watched = ["farms", yard];

/** What a person makes in the second namespace. */
function createInYard({ kube }: OperatorWorld, { apiVersion, kind, ...resource }: Resource, name: string, fields: Json): void {
  const object = { apiVersion, kind, metadata: { name, namespace: yard }, ...fields } as KubeObject;
  kube.objects.create(collectionPath({ apiVersion, kind, ...resource }), object, { manager: "person", subresource: undefined });
}

const inYard = ({ kube }: OperatorWorld, resource: Resource): readonly KubeObject[] => [
  ...kube.objects.list(collectionPath(resource), yard),
];
const conditionsOfBarn = (world: OperatorWorld): string => JSON.stringify(Reflect.get(inYard(world, farms)[0] ?? {}, "status") ?? {});

/** Farm barn has its keys, and the record of a node that is being replaced, sealed as its operator seals it. */
function replaceInBarn(world: OperatorWorld): void {
  const [name, assigned] = ["barn-aaaaa", { leaving: "Replaced" }] as const;
  const farm = { name: "barn", namespace: yard, uid: inYard(world, farms)[0]?.metadata.uid ?? "" };
  const beginning = { copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 30, createdAtMs: world.clock.wallMs() };
  const secret = newNetworkSecret(farm, beginning, seededRandom(7)) as unknown as { readonly data: Readonly<Record<string, string>> };
  const read = readNetworkSecret(secret.data);
  const keys = read.ok ? read.keys : assert.fail(read.why);
  createInYard(world, secrets, "barn-network", { data: secret.data });
  createInYard(world, nodeRecords, name, { spec: { farm: farm.name, assigned } });
  const uid = inYard(world, nodeRecords)[0]?.metadata.uid ?? "";
  const seal = sealDecision(assigned, { farmUid: farm.uid, name, uid }, { keys, wallMs: world.clock.wallMs() });
  world.kube.objects.merge(
    collectionPath(nodeRecords),
    { namespace: yard, name },
    { metadata: { annotations: { [annotations.seal]: seal } } },
    {
      manager: "person",
      subresource: undefined,
    },
  );
}

test("a farm whose network was copied from another namespace is refused and makes nothing, until the other is gone", async () => {
  const world = await settledWorld(farmSpec, 40, { watched });
  const { data } = shownOf(world, secrets, "attic-network") as KubeObject & { readonly data: Json };
  createInYard(world, secrets, "barn-network", { data });
  createInYard(world, farms, "barn", { spec: farmSpec });
  await world.until("it is refused", () =>
    /NetworkInUse.*Secret barn-network holds the network of farm farms\/attic/.test(conditionsOfBarn(world)),
  );
  await world.clock.advance(300_000);
  assert.deepEqual([inYard(world, nodeRecords), inYard(world, pods)], [[], []]);
  assert.ok(isSettled(world, 5), "the farm whose network it is goes on");
  world.remove(farms, "attic");
  await world.until("it begins", () => !conditionsOfBarn(world).includes("NetworkInUse") && inYard(world, nodeRecords).length > 0);
  await endWorld(world);
});

test("a lost node waits while a farm of another namespace replaces one of its own, and is replaced after that", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6, repair: { lostAfterSeconds: 600 } }, 40, { watched });
  // A farm that is refused: nothing becomes of its node until somebody mends it.
  createInYard(world, farms, "barn", { spec: { ...farmSpec, storage: { storageClassName: "slow" } } });
  replaceInBarn(world);
  const [lost] = world.all(pods);
  const name = lost?.metadata.name ?? "";
  world.cluster.setMachine(String(lost?.spec?.["nodeName"]), false);
  await world.clock.advance(1_500_000);
  assert.ok(namesOf(world, nodeRecords).includes(name), "kept");
  assert.match(JSON.stringify(world.farm().status?.["plan"]), /replaced once yard\/barn replaced theirs/);
  world.kube.objects.remove(collectionPath(farms), { namespace: yard, name: "barn" }, {});
  await world.until("it is replaced", () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 6), 3_600_000);
  await endWorld(world);
});

test("of two farms that lose a node in the same moment one begins to replace it, though no cache shows that yet", async () => {
  const spec = { ...farmSpec, replicas: 6, repair: { lostAfterSeconds: 600 } };
  const world = await settledWorld(spec, 40, { watched });
  createInYard(world, farms, "barn", { spec });
  const isSettledInYard = (): boolean => /"reason":"Settled"/.test(conditionsOfBarn(world)) && inYard(world, nodeRecords).length === 6;
  await world.until("the second farm is installed", isSettledInYard);
  const replaced = (): number =>
    [...world.kube.objects.list(collectionPath(nodeRecords), undefined)].filter(
      ({ spec: of }: Json) => ((of as Json)["assigned"] as Json | undefined)?.["leaving"] === "Replaced",
    ).length;
  const hostOf = ([pod]: readonly KubeObject[]): string => String((Reflect.get(pod ?? {}, "spec") as Json)["nodeName"]);
  for (const host of new Set([hostOf(world.all(pods)), hostOf(inYard(world, pods))])) world.cluster.setMachine(host, false);
  await world.clock.advance(590_000);
  assert.equal(replaced(), 0);
  // Each look takes longer than the time between two, and no cache shows what they write.
  world.kube.held.add(nodeRecords.plural);
  world.kube.delayMs = 200;
  await world.until("one begins", () => replaced() > 0, 60_000);
  await world.clock.advance(20_000);
  assert.equal(replaced(), 1);
  world.kube.delayMs = 0;
  world.kube.held.clear();
  world.kube.flush();
  await world.until(
    "both were replaced, one after the other",
    () => {
      assert.ok(replaced() <= 1);
      return isSettled(world, 6) && isSettledInYard();
    },
    7_200_000,
  );
  await endWorld(world);
});

const unreadGauge = async ({ registry }: OperatorWorld): Promise<readonly string[]> =>
  (await registry.text()).split("\n").filter((line) => line.startsWith("vaultfarm_operator_namespace_unread{"));

test("a namespace that may not be read at the start holds up no other, lets nothing of its own go, and is taken up once it may be read", async () => {
  const world = createOperatorWorld(farmSpec, { watched });
  // Its records are shown, and of no farm: none of them may count as one whose farm is gone.
  world.kube.forbidden.add(`${yard}/${farms.plural}`);
  createInYard(world, farms, "barn", { spec: farmSpec });
  replaceInBarn(world);
  const record = { namespace: yard, name: "barn-aaaaa" };
  world.kube.objects.merge(
    collectionPath(nodeRecords),
    record,
    { metadata: { finalizers: [nodeFinalizer] } },
    { manager: "person", subresource: undefined },
  );
  world.kube.objects.remove(collectionPath(nodeRecords), record, {});
  await world.until("the farm of the other is installed", () => isSettled(world, 5));
  assert.deepEqual(await unreadGauge(world), [`vaultfarm_operator_namespace_unread{namespace="${yard}"} 1`]);
  assert.deepEqual([inYard(world, nodeRecords).length, inYard(world, pods).length], [1, 0], "nothing is done in the one that is not read");
  world.kube.forbidden.clear();
  await world.until("it is taken up", () => inYard(world, pods).length >= 5, 1_200_000);
  assert.deepEqual(await unreadGauge(world), []);
  await endWorld(world);
});

test("a farm whose network may be that of one which cannot be seen does not begin before it can", async () => {
  const world = createOperatorWorld(farmSpec, { watched });
  world.kube.forbidden.add(`${yard}/${farms.plural}`);
  const beginning = { copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 30, createdAtMs: world.clock.wallMs() };
  const { metadata: _, ...found } = newNetworkSecret({ name: "attic", namespace: "farms", uid: "another" }, beginning, seededRandom(7));
  world.create(secrets, { ...found, metadata: { name: "attic-network" } } as unknown as KubeObject);
  await world.clock.advance(120_000);
  assert.match(
    JSON.stringify(world.farm().status),
    /Secret attic-network was there before.*cannot list resource \\"vaultfarms\\" in the namespace \\"yard/,
  );
  assert.equal(world.all(pods).length, 0);
  world.kube.forbidden.clear();
  await world.until("it begins", () => isSettled(world, 5));
  await endWorld(world);
});
