// Proves that all namespaces that may be watched can be: what is in no namespace is read once for all of them, and the watches
// of as many namespaces as the settings take fit what an API server allows. Method: the manager of a real operator over an API
// server in memory, its watches counted.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { silentLog } from "../../runtime/log.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { readConfig, watchedMax } from "../config.ts";
import { createKubeMetrics } from "../kube/index.ts";
import { watchesMax } from "../kube/limits.ts";
import { createFarmManager } from "../operator.ts";

const env = {
  VAULTFARM_OPERATOR_NAMESPACE: "system",
  VAULTFARM_OPERATOR_IDENTITY: "one",
  VAULTFARM_OPERATOR_IMAGE: "vaultfarm:1",
};
const namespaces = (count: number): string => Array.from({ length: count }, (_, i) => `team-${i}`).join();

async function watchesOf(watched: string): Promise<readonly string[]> {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const registry = createMetricsRegistry({ processMetrics: false });
  const tools = { clock, random: seededRandom(1), log: silentLog };
  const reach = { client: kube.client, call: async () => undefined, registry, metrics: createKubeMetrics(registry) };
  const manager = createFarmManager(readConfig({ ...env, VAULTFARM_OPERATOR_NAMESPACES: watched }), tools, reach);
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  await clock.advance(5000);
  assert.ok(manager.isReady());
  stopping.abort();
  await clock.runUntil(running);
  return kube.uses.flatMap(({ verb, resource }) => (verb === "watch" ? [resource] : []));
}

test("as many namespaces as the settings take are watched, each kind of them once, the cluster's own kinds once for all", async () => {
  const watches = await watchesOf(namespaces(watchedMax));
  assert.ok(watches.length <= watchesMax, `${watches.length} watches`);
  const of = (kind: string): number => watches.filter((one) => one === kind).length;
  assert.deepEqual([of("nodes"), of("storageclasses"), of("pods"), of("vaultfarms")], [1, 1, watchedMax, watchedMax]);
});

test("a namespace that is named twice is watched once", async () => {
  assert.equal((await watchesOf("team-a,team-a")).filter((kind) => kind === "vaultfarms").length, 1);
});

test("more namespaces than can be watched are refused with the number", () => {
  assert.throws(
    () => readConfig({ ...env, VAULTFARM_OPERATOR_NAMESPACES: namespaces(watchedMax + 1) }),
    /VAULTFARM_OPERATOR_NAMESPACES.*at most 8/,
  );
});
