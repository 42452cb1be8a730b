// Proves that a cache costs what its projection keeps, not what the server holds, and that calls, watches and reconciles
// leave nothing behind. Method: the in-process API server with 5,000 objects of 4 KiB, its own share measured before; the
// heap after a collection.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type FakeApiServer, startFakeApiServer } from "../../../test/support/fake-api-server.ts";
import { type ConfigMap, configMaps } from "../../../test/support/kube-kinds.ts";
import { silentKubeMetrics, silentReflectorMetrics } from "../../../test/support/kube-silence.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import type { KubeClient } from "./client.ts";
import { openKubeClient } from "./open-client.ts";
import { metadataOnly } from "./projection.ts";
import { createReflector } from "./reflector.ts";
import { collectionPath } from "./resource.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const objectCount = 5000;
const write = { manager: "test", subresource: undefined };

async function heapBytes(): Promise<number> {
  // What a connection still holds is let go in the turns after it.
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

function open(server: FakeApiServer): KubeClient {
  const config = {
    server: server.url,
    namespace: "default",
    source: "test",
    tls: { verify: true, files: async () => ({}) },
    token: async () => undefined,
  };
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  return openKubeClient(config, tools, { fieldManager: "test", userAgent: "test/1", protocol: "http2" });
}

test("5,000 objects of 4 KiB cost their metadata, an annotation that all have only once, and nothing where the selector leaves them out", async (context) => {
  const server = await startFakeApiServer({ resources: [configMaps], protocol: "http2" });
  context.after(() => server.stop());
  const annotations = { everywhere: "y".repeat(1024) };
  for (let n = 0; n < objectCount; n += 1) {
    const object: ConfigMap = {
      metadata: { name: `m-${n}`, namespace: "default", annotations },
      data: { filling: `${n}`.padEnd(4096, "x") },
    };
    server.objects.create(collectionPath(configMaps), object, write);
  }
  const client = open(server);
  context.after(() => client.close());
  const grown = async (labelSelector?: string): Promise<{ objects: number; bytes: number }> => {
    const before = await heapBytes();
    const cache = createReflector(
      { resource: configMaps, project: metadataOnly, ...(labelSelector === undefined ? {} : { labelSelector }) },
      { client, clock: systemClock, random: systemRandom, log: silentLog, metrics: silentReflectorMetrics },
    );
    await cache.start?.(new AbortController().signal);
    await cache.whenSynced(AbortSignal.timeout(60_000));
    const bytes = (await heapBytes()) - before;
    const objects = cache.store.size();
    await cache.stop?.();
    return { objects, bytes };
  };
  // Once without measuring, so that code and connections are there.
  await grown();
  const none = await grown("watched=yes");
  const all = await grown();
  context.diagnostic(`${(all.bytes / objectCount / 1024).toFixed(2)} KiB an object; left out: ${(none.bytes / 1024).toFixed(0)} KiB`);
  assert.deepEqual([all.objects, none.objects], [objectCount, 0]);
  assert.ok(all.bytes < objectCount * 1024, `${all.bytes} bytes for ${objectCount} objects`);
  assert.ok(none.bytes < 1024 * 1024, `${none.bytes} bytes for none`);
});

test("3,000 calls and 100 watches with one long-lived signal leave nothing behind", async (context) => {
  const server = await startFakeApiServer({ resources: [configMaps], protocol: "http2" });
  context.after(() => server.stop());
  server.objects.create(collectionPath(configMaps), { metadata: { name: "a", namespace: "default" } }, write);
  const client = open(server);
  context.after(() => client.close());
  const { signal } = new AbortController();
  const work = async (calls: number, watches: number): Promise<void> => {
    for (let n = 0; n < calls; n += 20) {
      await Promise.all(Array.from({ length: 20 }, () => client.get(configMaps, { namespace: "default", name: "a" }, { signal })));
    }
    for (let n = 0; n < watches; n += 1) {
      const watch = await client.watch(configMaps, { resourceVersion: "100", timeoutSeconds: 300, signal });
      if (!watch.ok) throw watch.error;
      for await (const event of watch.value) if (event.kind === "added") break;
    }
  };
  await work(500, 20);
  const before = await heapBytes();
  await work(3000, 100);
  const grown = (await heapBytes()) - before;
  context.diagnostic(`the heap grew by ${(grown / 1024).toFixed(0)} KiB`);
  assert.ok(grown < 1024 * 1024, `${grown} bytes`);
});
