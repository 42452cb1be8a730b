// Proves that the writer writes what differs and nothing else, and that each of its writes is waited for until the cache shows
// it: over an API server in memory and real caches.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { silentKubeMetrics } from "../../../test/support/kube-silence.ts";
import { createMemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { KubeError } from "../kube/index.ts";
import type { Manifest } from "../manifests/names.ts";
import { createFarmCaches, createOwnWrites } from "./farm-caches.ts";
import { createObjectWriter } from "./object-writer.ts";
import { configMaps, nodeRecords } from "./resources.ts";

const metadata = { name: "one", namespace: "farms", labels: { "vaultfarm.dev/farm": "attic" } };
const map = (value: string): Manifest => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } });

async function bench() {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const caches = createFarmCaches({ client: kube.client, clock, random: seededRandom(1), log: silentLog, metrics: silentKubeMetrics });
  for (const cache of caches.all) void cache.start?.(new AbortController().signal);
  await clock.advance(10);
  const writes = createOwnWrites(caches, clock);
  const stop = (): Promise<unknown> => clock.runUntil(Promise.all(caches.all.map((cache) => cache.stop?.())));
  return { clock, kube, caches, writes, writer: createObjectWriter(kube.client, writes), stop };
}

test("what was applied as it is wanted is not applied again; what differs is", async () => {
  const { clock, kube, caches, writer, stop } = await bench();
  const shown = () => caches.configMaps.store.get({ namespace: "farms", name: "one" });
  await writer.ensure(configMaps, map("a"), shown());
  await clock.advance(10);
  const calls = kube.uses.length;
  await writer.ensure(configMaps, map("a"), shown());
  assert.equal(kube.uses.length, calls);
  await writer.ensure(configMaps, map("b"), shown());
  assert.equal(kube.uses.length, calls + 1);
  await clock.advance(10);
  const { metadata } = shown() ?? assert.fail();
  const there = kube.objects.get("/api/v1/configmaps", { namespace: "farms", name: "one" });
  assert.deepEqual([there.metadata.resourceVersion, Reflect.get(there, "data")], [metadata.resourceVersion, { value: "b" }]);
  await stop();
});

test("a write is unseen until the cache shows its version, and given up on after a minute", async () => {
  const { clock, kube, writes, writer, stop } = await bench();
  kube.held.add("configmaps");
  await writer.apply(configMaps, map("a"));
  await clock.advance(1000);
  assert.equal(writes.areSeen(), false);
  kube.held.clear();
  kube.flush();
  await clock.advance(10);
  assert.equal(writes.areSeen(), true);
  kube.held.add("configmaps");
  await writer.apply(configMaps, map("b"));
  await clock.advance(59_000);
  assert.equal(writes.areSeen(), false);
  await clock.advance(1001);
  assert.equal(writes.areSeen(), true);
  await stop();
});

test("a deletion is seen once the cache shows it gone, or going where something holds it; a release once it is gone", async () => {
  const { clock, kube, caches, writes, writer, stop } = await bench();
  const record = {
    apiVersion: "vaultfarm.dev/v1alpha1",
    kind: "VaultNode",
    metadata: { ...metadata, finalizers: ["vaultfarm.dev/drain"] },
  };
  await writer.apply(nodeRecords, record);
  await clock.advance(10);
  kube.held.add("vaultnodes");
  const shown = caches.records.store.get({ namespace: "farms", name: "one" });
  assert.ok(shown);
  await writer.remove(nodeRecords, shown);
  assert.equal(writes.areSeen(), false);
  kube.held.clear();
  kube.flush();
  await clock.advance(10);
  assert.equal(writes.areSeen(), true, "it is going");
  kube.held.add("vaultnodes");
  const going = caches.records.store.get({ namespace: "farms", name: "one" });
  assert.ok(going);
  await writer.release(nodeRecords, going, "vaultfarm.dev/drain");
  await clock.advance(1000);
  assert.equal(writes.areSeen(), false, "the cache shows it still, with its date of deletion");
  kube.held.clear();
  kube.flush();
  await clock.advance(10);
  assert.equal(writes.areSeen(), true);
  await stop();
});

test("another object of the same name is never deleted", async () => {
  const { clock, kube, caches, writer, stop } = await bench();
  await writer.apply(configMaps, map("a"));
  await clock.advance(10);
  const old = caches.configMaps.store.get({ namespace: "farms", name: "one" });
  assert.ok(old);
  await writer.remove(configMaps, old);
  await writer.apply(configMaps, map("another"));
  await assert.rejects(writer.remove(configMaps, old), /does not match/);
  assert.equal(kube.objects.list("/api/v1/configmaps", "farms").length, 1);
  await stop();
});

test("marks are set on the object that was meant: of one that is gone, or has another in its place, nothing is said and nothing changed", async () => {
  const { clock, kube, caches, writer, stop } = await bench();
  const at = { namespace: "farms", name: "one" };
  const labelsNow = (): unknown => kube.objects.get("/api/v1/configmaps", at).metadata.labels;
  await writer.apply(configMaps, map("a"));
  await clock.advance(10);
  const old = caches.configMaps.store.get(at) ?? assert.fail();
  await writer.mark(configMaps, old, { labels: { team: "a" } });
  assert.deepEqual(labelsNow(), { ...metadata.labels, team: "a" });
  await writer.remove(configMaps, old);
  await writer.mark(configMaps, old, { labels: { team: "b" } });
  await writer.apply(configMaps, map("another"));
  await writer.mark(configMaps, old, { labels: { team: "b" } });
  assert.deepEqual(labelsNow(), metadata.labels);
  kube.fault = () => new KubeError("invalid", "no such label");
  await assert.rejects(writer.mark(configMaps, old, { labels: { team: "b" } }), /no such label/);
  await stop();
});
