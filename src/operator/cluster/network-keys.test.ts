// Proves that keys of a network are remembered only while they are of use: those of a farm that is gone are forgotten, those too that
// came after it was. Method: the real keyring and reconciler over an API server in memory, in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube, type MemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { collectionPath } from "../kube/resource.ts";
import type { FarmIdentity } from "../manifests/names.ts";
import { newNetworkSecret } from "../manifests/network-secret.ts";
import type { FarmCaches } from "./farm-caches.ts";
import { createNetworkKeyring, type NetworkKeyring } from "./network-keys.ts";
import { createFarmReconciler, type FarmReconcilerParts } from "./reconcile-farm.ts";
import { createReplacingTurns } from "./replacing-turn.ts";
import { type FarmObject, secrets } from "./resources.ts";

type World = { readonly clock: VirtualClock; readonly kube: MemoryKube; readonly keyring: NetworkKeyring };

const farmCalled = (name: string): FarmIdentity => ({ namespace: "farms", name, uid: `uid-${name}` });

function createWorld(): World {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  return { clock, kube, keyring: createNetworkKeyring(kube.client, { clock, random: seededRandom(1) }) };
}

/** Makes the keys of a farm, and has them read. */
async function readKeys({ clock, kube, keyring }: World, name: string): Promise<void> {
  const beginning = { copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 30, createdAtMs: clock.wallMs() };
  const secret = newNetworkSecret(farmCalled(name), beginning, seededRandom(7));
  kube.objects.create(collectionPath(secrets), secret as never, { manager: "person", subresource: undefined });
  assert.ok(await keyring.existingKeysOf(farmCalled(name)));
}

test("keys of a farm that is deleted are forgotten with it, those of others kept", async () => {
  const world = createWorld();
  const { clock, kube, keyring } = world;
  for (const name of ["attic", "barn"]) await readKeys(world, name);
  const going = { metadata: { ...farmCalled("attic"), deletionTimestamp: "2026-01-01T00:00:00Z" } } as unknown as FarmObject;
  const caches = {
    farms: { store: { byKey: () => going }, isSynced: () => true },
    byFarm: () => ({ records: [], pods: [], claims: [] }),
  } as unknown as FarmCaches;
  const turns = createReplacingTurns({ watched: { isWorkedOn: () => true }, clock });
  const parts = { caches, keyring, turns, client: kube.client, clock, log: silentLog } as unknown as FarmReconcilerParts;
  await createFarmReconciler(parts).reconcile("farms/attic", new AbortController().signal);
  assert.equal(keyring.size(), 1);
  const reads = kube.uses.length;
  await keyring.existingKeysOf(farmCalled("barn"));
  assert.equal(kube.uses.length, reads, "nothing is read anew for the other");
});

test("keys of farms that nobody says are gone are forgotten too once they would have to be read anew", async () => {
  const world = createWorld();
  for (const name of ["attic", "barn"]) await readKeys(world, name);
  await world.clock.advance(500_000);
  await readKeys(world, "cellar");
  assert.equal(world.keyring.size(), 3);
  await world.clock.advance(200_000);
  await readKeys(world, "dairy");
  assert.equal(world.keyring.size(), 2, "the two read last");
});
