// Proves what is done for records whose farm is not there: what is being deleted is let go, what a person made is told so once a farm could
// have come, and everything else waits as it is. Method: real caches over an API server in memory, one record each.
import { strict as assert } from "node:assert";
import { type TestContext, test } from "node:test";
import { silentKubeMetrics } from "../../../test/support/kube-silence.ts";
import { createMemoryKube, forbidden, type MemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import type { KubeObject, Outcome } from "../kube/index.ts";
import { collectionPath } from "../kube/resource.ts";
import { nodeFinalizer } from "../manifests/names.ts";
import { createFarmCaches, type FarmCaches } from "./farm-caches.ts";
import { nodeRecords } from "./resources.ts";
import { farmComesWithinMs, lookWithoutFarm } from "./without-farm.ts";

const records = collectionPath(nodeRecords);
const at = { namespace: "farms", name: "attic-aaaaa" };
const finalizers = [nodeFinalizer, "backup.example/snapshot"];

type Bench = {
  readonly clock: VirtualClock;
  readonly kube: MemoryKube;
  readonly caches: FarmCaches;
  readonly refused: string[];
  look(change?: { readonly isGoing?: boolean; readonly isFresh?: boolean; readonly refusal?: Error }): Promise<Outcome>;
};

async function bench(context: TestContext, meta: Partial<KubeObject["metadata"]> = {}): Promise<Bench> {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const { client } = kube;
  const caches = createFarmCaches({ client, clock, random: seededRandom(1), log: silentLog, metrics: silentKubeMetrics });
  for (const cache of caches.all) void cache.start?.(new AbortController().signal);
  context.after(() => clock.runUntil(Promise.all(caches.all.map((cache) => cache.stop?.()))));
  const record = { metadata: { ...at, finalizers, ...meta }, spec: { farm: "attic" } } as KubeObject;
  kube.objects.create(records, record, { manager: "test", subresource: undefined });
  await clock.advance(10);
  const refused: string[] = [];
  const look: Bench["look"] = ({ isGoing = false, isFresh = true, refusal } = {}) => {
    const refuseNode = async ({ metadata }: KubeObject, farm: string): Promise<void> => {
      refused.push(`${metadata.name} ${farm}`);
      if (refusal !== undefined) throw refusal;
    };
    const parts = { client, clock, statusWriter: { refuseNode }, caches: { ...caches, isFresh: () => isFresh } };
    return lookWithoutFarm("farms/attic", isGoing, parts);
  };
  return { clock, kube, caches, refused, look };
}

const done: Outcome = { kind: "done" };
const told = ["attic-aaaaa attic"];

test("a record that a person made is told that there is no farm, once that had the time to come, and not by a cache that is old", async (context) => {
  const { clock, refused, look } = await bench(context);
  assert.deepEqual(await look(), { kind: "after", delayMs: farmComesWithinMs - 10 });
  assert.deepEqual(await look({ isGoing: true }), done, "its farm is there still");
  await clock.advance(farmComesWithinMs - 10);
  assert.deepEqual([await look({ isFresh: false }), refused], [{ kind: "after", delayMs: farmComesWithinMs }, []]);
  assert.deepEqual([await look(), refused], [done, told]);
  assert.deepEqual(await look({ refusal: forbidden("patch", nodeRecords) }), done, "who may not say it leaves it");
  await assert.rejects(look({ refusal: new Error("a fault of ours") }), /a fault of ours/);
});

test("a record that had a farm waits for one of its name, as it is", async (context) => {
  const owner = { apiVersion: "vaultfarm.dev/v1alpha1", kind: "VaultFarm", name: "attic", uid: "f1" };
  for (const meta of [{ ownerReferences: [owner] }, { labels: { "vaultfarm.dev/farm-uid": "f1" } }]) {
    const { clock, kube, refused, look } = await bench(context, meta);
    await clock.advance(farmComesWithinMs);
    const before = kube.objects.get(records, at);
    assert.deepEqual([await look(), refused, kube.objects.get(records, at)], [done, [], before]);
  }
});

test("one that is being deleted is let go by this operator alone, and only by its own finalizer", async (context) => {
  for (const isGoing of [true, false]) {
    const { clock, kube, refused, look } = await bench(context);
    kube.objects.remove(records, at, {});
    await clock.advance(farmComesWithinMs);
    assert.deepEqual([await look({ isGoing }), refused], [done, []]);
    assert.deepEqual(kube.objects.get(records, at).metadata.finalizers, ["backup.example/snapshot"]);
    await clock.advance(10);
    const version = kube.objects.version();
    assert.deepEqual([await look({ isGoing }), kube.objects.version()], [done, version], "once");
  }
});
