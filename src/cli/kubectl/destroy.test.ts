// Proves that `kubectl vaultfarm destroy` deletes what it listed and nothing else, however the cluster changes while the farm goes: no
// volume of a farm that is still there, or was made meanwhile, and the keys only once no volume is left to read with them.
// Method: the real command line against the in-process API server; what happens meanwhile happens while it waits.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { apiVersion } from "../../operator/api/vault-farm.ts";
import { claims, configMaps, farms, secrets, volumes } from "../../operator/cluster/resources.ts";
import type { Resource } from "../../operator/kube/index.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import type { Ended } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { by, hastened, namespace, used, usePluginCluster } from "./plugin-fixture.ts";

const cluster = usePluginCluster();
const { kubectl, make } = cluster;
const finalizer = "backup.example/snapshot";
const labelled = { labels: { "vaultfarm.dev/farm": "attic" } };
const kept: readonly (readonly [Resource, string])[] = [
  [claims, "attic-aaaaa"],
  [secrets, "attic-network"],
  [configMaps, "attic-accepted"],
];

const thereAre = (): readonly string[] =>
  kept.flatMap(([resource, name]) =>
    cluster
      .server()
      .objects.list(collectionPath(resource), namespace)
      .some(({ metadata }) => metadata.name === name)
      ? [name]
      : [],
  );
const all = kept.map(([, name]) => name);

function makeHeldFarm(): void {
  make(farms, "attic", { apiVersion, spec: {} }, { finalizers: [finalizer] });
  for (const [resource, name] of kept) make(resource, name, {}, labelled);
}

function letGo(): void {
  cluster.server().objects.merge(collectionPath(farms), { namespace, name: "attic" }, { metadata: { finalizers: null } }, by);
}

/** Destroys it for good; at the first wait for its end `meanwhile` happens. */
async function destroyed(meanwhile: () => void): Promise<Ended> {
  const events = [meanwhile];
  return kubectl(["destroy", "attic", "--yes-delete-data"], { clock: hastened(() => events.shift()?.()) });
}

test("a farm that somebody's finalizer keeps is named with it after a minute, and all that it keeps stays", async () => {
  makeHeldFarm();
  const { code, out, err } = await destroyed(() => {});
  assert.deepEqual([code, out.toString(), thereAre()], [exitCodes.refused, "", all]);
  assert.match(err, /VaultFarm attic is deleted and stays \(finalizers: backup\.example\/snapshot\); its volumes are left alone\n$/);
});

test("a farm of the same name that is made meanwhile keeps the volumes and keys, which are its own by now", async () => {
  makeHeldFarm();
  const { code, out, err } = await destroyed(() => {
    letGo();
    make(farms, "attic", { apiVersion, spec: {} });
  });
  assert.deepEqual([code, out.toString(), thereAre()], [exitCodes.refused, "", all]);
  assert.match(err, /a new VaultFarm attic was made meanwhile; its volumes are left alone\n$/);
});

test("a claim that has the name of a listed one by now is not what was listed: it stays, and so do the keys", async () => {
  makeHeldFarm();
  const { code } = await destroyed(() => {
    cluster.server().objects.remove(collectionPath(claims), { namespace, name: "attic-aaaaa" }, {});
    make(claims, "attic-aaaaa", {}, labelled);
    letGo();
  });
  assert.deepEqual([code, thereAre()], [exitCodes.refused, all]);
});

test("keys go last, when no claim is left: cut short before, what is on the volumes can still be read", async () => {
  makeHeldFarm();
  assert.equal((await destroyed(letGo)).code, exitCodes.done);
  const deletes = used(cluster).filter((one) => one.startsWith("delete"));
  assert.deepEqual(deletes, ["delete vaultfarms", "delete persistentvolumeclaims", "delete secrets", "delete configmaps"]);
});

test("of the volumes that are left those are named that were bound to its claims and outlive them, no others", async () => {
  makeHeldFarm();
  const volume = (name: string, policy: string, of: string): void =>
    make(volumes, name, { spec: { persistentVolumeReclaimPolicy: policy, claimRef: { namespace: of, name: "attic-aaaaa" } } });
  volume("pv-kept", "Retain", namespace);
  volume("pv-deleted-with-its-claim", "Delete", namespace);
  volume("pv-elsewhere", "Retain", "elsewhere");
  const { code, err } = await destroyed(letGo);
  assert.equal(code, exitCodes.done, err);
  assert.match(err, /are kept by their reclaim policy, and what is on them with them: pv-kept; kubectl delete/);
});
