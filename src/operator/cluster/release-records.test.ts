// Proves which records of nodes are let go without a drain: those of an earlier farm and of a namespace that goes, once they
// are being deleted, and no others; and that Helm can bring newer kinds after the operator brought its own.
// Method: the real client against the API server in this process.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type FakeApiServer, startFakeApiServer } from "../../../test/support/fake-api-server.ts";
import { must } from "../../../test/support/kube-api.contract.ts";
import { silentKubeMetrics } from "../../../test/support/kube-silence.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import { customResourceDefinition, vaultFarmKind } from "../api/kinds.ts";
import { defineResource, type KubeClient, type KubeObject, openKubeClient } from "../kube/index.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import { definitions, ensureKinds } from "./ensure-kinds.ts";
import { createObjectWriter } from "./object-writer.ts";
import { releaseEarlier, releaseWithNamespace } from "./release-records.ts";
import { type NodeRecord, nodeRecords } from "./resources.ts";

const namespaces = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });
let server: FakeApiServer;
let client: KubeClient;
before(async () => {
  server = await startFakeApiServer({ resources: [namespaces, nodeRecords, definitions], protocol: "http2" });
  const config = {
    server: server.url,
    namespace: "default",
    source: "test",
    tls: { verify: true, files: async () => ({}) },
    token: async () => undefined,
  };
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  client = openKubeClient(config, tools, { fieldManager: "vaultfarm-operator", userAgent: "test/1", protocol: "http2" });
});
after(async () => {
  await client?.close();
  await server?.stop();
});

async function makeRecord(namespace: string, name: string, uid: string): Promise<void> {
  must(await client.apply(nodeRecords, vaultNodeRecord({ namespace, name: "attic", uid }, name, {}), { force: true }));
}

async function recordsIn(namespace: string): Promise<readonly NodeRecord[]> {
  return must(await client.listAll(nodeRecords, { namespace })).items;
}

test("records of an earlier farm go once they are deleted; those of this farm stay to be drained", async () => {
  const namespace = "again";
  const writer = createObjectWriter(client, { wrote: () => {}, deleted: () => {}, areSeen: () => true });
  for (const [name, uid] of [
    ["attic-aaaaa", "earlier"],
    ["attic-bbbbb", "earlier"],
    ["attic-ccccc", "now"],
  ] as const)
    await makeRecord(namespace, name, uid);
  for (const name of ["attic-aaaaa", "attic-ccccc"]) must(await client.remove(nodeRecords, { namespace, name }));
  assert.equal(await releaseEarlier("now", await recordsIn(namespace), writer), true);
  assert.deepEqual(
    (await recordsIn(namespace)).map(({ metadata }) => metadata.name),
    ["attic-bbbbb", "attic-ccccc"],
    "one is not deleted yet, one is the new farm's own",
  );
  must(await client.remove(nodeRecords, { namespace, name: "attic-bbbbb" }));
  await releaseEarlier("now", await recordsIn(namespace), writer);
  assert.equal(await releaseEarlier("now", await recordsIn(namespace), writer), false);
  assert.equal((await recordsIn(namespace)).length, 1);
});

test("all records of the operator's own namespace are let go when it goes, and none while it stays", async () => {
  const namespace = "home";
  must(
    await client.create(namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, finalizers: ["kubernetes"] },
    } as KubeObject),
  );
  await makeRecord(namespace, "attic-aaaaa", "now");
  await makeRecord("elsewhere", "attic-bbbbb", "now");
  assert.equal(await releaseWithNamespace(namespace, client), 0);
  must(await client.remove(namespaces, { name: namespace }));
  assert.equal(await releaseWithNamespace(namespace, client), 1);
  assert.deepEqual((await recordsIn(namespace))[0]?.metadata.finalizers, []);
  assert.equal((await recordsIn("elsewhere"))[0]?.metadata.finalizers?.length, 1);
});

test("Helm applies a newer kind without force after the operator applied its own", async () => {
  await ensureKinds(client, silentLog);
  const { spec, ...rest } = customResourceDefinition(vaultFarmKind) as {
    readonly spec: object;
    readonly metadata: { readonly name: string };
  };
  const newer = { ...rest, spec: { ...spec, versions: [] } };
  assert.equal((await client.apply(definitions, newer, { force: false, fieldManager: "helm" })).ok, true);
});
