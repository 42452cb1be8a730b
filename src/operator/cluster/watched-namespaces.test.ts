// Proves that all namespaces that may be watched can be: what is in no namespace is read once for all of them, the watches of as
// many namespaces as the settings take fit what an API server allows, and what is limited is so over all of them. Method: the
// manager of a real operator over an API server in memory, its watches counted, and its questions to nodes that answer nothing.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { farmSpec } from "../../../test/support/operator/operator-world.ts";
import { silentLog } from "../../runtime/log.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { readConfig, watchedMax } from "../config.ts";
import { createKubeMetrics, type KubeObject, type Resource } from "../kube/index.ts";
import { watchesMax } from "../kube/limits.ts";
import { collectionPath } from "../kube/resource.ts";
import { createFarmManager } from "../operator.ts";
import { questionsMax } from "./node-poll.ts";
import { farms, pods, storageClasses } from "./resources.ts";

const env = {
  VAULTFARM_OPERATOR_NAMESPACE: "system",
  VAULTFARM_OPERATOR_IDENTITY: "one",
  VAULTFARM_OPERATOR_IMAGE: "vaultfarm:1",
};
const namespaces = (count: number): string => Array.from({ length: count }, (_, i) => `team-${i}`).join();

const podsOfEach = 40;

type Seen = { readonly watches: readonly string[] /** Questions to nodes at once. */; readonly asked: number; readonly metrics: string };

/** What an operator did in its first seconds, with a farm of running pods in each namespace `watched`. */
async function begin(watched: string, workers = 8): Promise<Seen> {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const make = ({ apiVersion, kind, ...resource }: Resource, object: KubeObject): unknown =>
    kube.objects.create(collectionPath({ apiVersion, kind, ...resource }), { ...object, apiVersion, kind } as KubeObject, {
      manager: "person",
      subresource: undefined,
    });
  make(storageClasses, { metadata: { name: "fast" } });
  for (const [i, namespace] of [...new Set(watched.split(","))].entries()) {
    make(farms, { metadata: { name: "attic", namespace }, spec: farmSpec } as KubeObject);
    for (let n = 0; n < podsOfEach; n += 1) {
      const name = `attic-${n}`;
      const labels = { "vaultfarm.dev/farm": "attic", "vaultfarm.dev/node": name };
      const status = { phase: "Running", podIP: `10.0.${i}.${n}` };
      make(pods, { metadata: { name, namespace, labels }, spec: {}, status } as KubeObject);
    }
  }
  let [asking, asked] = [0, 0];
  const call = async (): Promise<undefined> => {
    asking += 1;
    asked = Math.max(asked, asking);
    await clock.sleep(1000);
    asking -= 1;
  };
  const registry = createMetricsRegistry({ processMetrics: false });
  const tools = { clock, random: seededRandom(1), log: silentLog };
  const reach = { client: kube.client, call, registry, metrics: createKubeMetrics(registry) };
  const settings = { ...env, VAULTFARM_OPERATOR_NAMESPACES: watched, VAULTFARM_OPERATOR_WORKERS: String(workers) };
  const manager = createFarmManager(readConfig(settings), tools, reach);
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  await clock.advance(5000);
  assert.ok(manager.isReady());
  const metrics = await registry.text();
  stopping.abort();
  await clock.runUntil(running);
  return { watches: kube.uses.flatMap(({ verb, resource }) => (verb === "watch" ? [resource] : [])), asked, metrics };
}

test("as many namespaces as the settings take are watched, each kind of them once, the cluster's own kinds once for all", async () => {
  const { watches } = await begin(namespaces(watchedMax));
  assert.ok(watches.length <= watchesMax, `${watches.length} watches`);
  const of = (kind: string): number => watches.filter((one) => one === kind).length;
  assert.deepEqual([of("nodes"), of("storageclasses"), of("pods"), of("vaultfarms")], [1, 1, watchedMax, watchedMax]);
});

test("a namespace that is named twice is watched once", async () => {
  const { watches } = await begin("team-a,team-a");
  assert.equal(watches.filter((kind) => kind === "vaultfarms").length, 1);
});

test("nodes of all namespaces together are asked so many at once, no more", async () => {
  assert.equal((await begin(namespaces(3))).asked, questionsMax);
});

test("farms of all namespaces together are looked at by so many workers, no more, and count as one controller's", async () => {
  const { asked, metrics } = await begin(namespaces(3), 1);
  assert.equal(asked, podsOfEach, "the pods of one farm at a time");
  const limits = metrics.split("\n").filter((line) => line.startsWith("controller_runtime_max_concurrent_reconciles{"));
  assert.deepEqual(limits, ['controller_runtime_max_concurrent_reconciles{controller="vaultfarm"} 1']);
});

test("more namespaces than can be watched are refused with the number", () => {
  assert.throws(
    () => readConfig({ ...env, VAULTFARM_OPERATOR_NAMESPACES: namespaces(watchedMax + 1) }),
    /VAULTFARM_OPERATOR_NAMESPACES.*at most 8/,
  );
});
