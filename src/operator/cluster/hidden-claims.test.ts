// Proves that no volume counts as gone that is only not shown: a claim is a node's by any sign that is left, somebody else's by none, and
// where the server cannot say, nobody decides. Method: claims in an API server in memory, none of them in a cache.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube, forbidden } from "../../../test/support/operator/memory-kube.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { KubeError, type KubeObject } from "../kube/index.ts";
import { collectionPath } from "../kube/resource.ts";
import type { FarmParts } from "./farm-caches.ts";
import { withHiddenClaims } from "./hidden-claims.ts";
import { claims, fieldManager } from "./resources.ts";

const farm = { name: "attic", namespace: "farms", uid: "f1" };
const name = "attic-aaaaa";
const parts: FarmParts = { records: [{ metadata: { name, namespace: "farms" } }], pods: [], claims: [] };

function benchWith(labels?: Readonly<Record<string, string>>, manager = "somebody") {
  const kube = createMemoryKube(createVirtualClock());
  const claim = { metadata: { name, namespace: "farms", ...(labels === undefined ? {} : { labels }) }, spec: { volumeName: "pv" } };
  kube.objects.create(collectionPath(claims), claim as KubeObject, { manager, subresource: undefined });
  return kube;
}

const found = async (from: ReturnType<typeof benchWith>, shown: FarmParts = parts): Promise<readonly (readonly string[])[]> => {
  const { claims: own, foreignVolumes = [] } = await withHiddenClaims(shown, farm, from.client);
  return [own.map((claim) => `${claim.metadata.name} ${claim.volumeName}`), foreignVolumes];
};

test("one sign that is left says that a claim was made for the node: any of its labels, or fields that the operator wrote", async () => {
  const mine = [[`${name} pv`], []];
  for (const [key, value] of [
    ["vaultfarm.dev/farm-uid", "of an earlier farm"],
    ["vaultfarm.dev/node", name],
    ["vaultfarm.dev/farm", "attic"],
  ] as const)
    assert.deepEqual(await found(benchWith({ [key]: value })), mine, key);
  assert.deepEqual(await found(benchWith(undefined, fieldManager)), mine, "its fields");
});

test("without any it is somebody else's, also with labels that name another node and farm", async () => {
  const others = [[], [name]];
  assert.deepEqual(await found(benchWith()), others);
  assert.deepEqual(await found(benchWith({ "vaultfarm.dev/node": "attic-bbbbb", "vaultfarm.dev/farm": "cellar", app: "x" })), others);
});

test("only a server that says so makes a claim one that is not there", async () => {
  const none = createMemoryKube(createVirtualClock());
  assert.deepEqual(await found(none), [[], []]);
  for (const fault of ["before", "after", forbidden("get", claims), new KubeError("server", "etcd is away")] as const) {
    const kube = benchWith();
    kube.fault = () => fault;
    await assert.rejects(found(kube), KubeError);
  }
});

test("whoever is shown is not asked for", async () => {
  const kube = benchWith();
  const shown = { ...parts, claims: [{ metadata: { name }, volumeName: "pv" }] };
  assert.deepEqual([await found(kube, shown), kube.uses.length], [[[`${name} pv`], []], 0]);
});
