// Proves on a real API server what the operator's machinery rests on: the contract of client and server, a cache that
// misses none of 10,000 changes through a proxy that breaks everything, a lease that the server accepts, events, and a
// restart of the server. Method: etcd and kube-apiserver of its own; no other part of a cluster.
import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { KubeClient } from "../../src/operator/kube/client.ts";
import { createElector } from "../../src/operator/kube/elector.ts";
import { createEventRecorder, events } from "../../src/operator/kube/event-recorder.ts";
import { openKubeClient } from "../../src/operator/kube/open-client.ts";
import { wholeObject } from "../../src/operator/kube/projection.ts";
import { createReflector, type Reflector } from "../../src/operator/kube/reflector.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type Random, seededRandom, systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, startApiServer } from "../support/api-server.ts";
import { until } from "../support/deadline.ts";
import { type FaultPlan, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { kubeApiContract, must } from "../support/kube-api.contract.ts";
import { type ConfigMap, configMaps, namespaces } from "../support/kube-kinds.ts";
import { silentKubeMetrics, silentReflectorMetrics } from "../support/kube-silence.ts";

const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
const never = new AbortController().signal;
const minuteMs = 60_000;

let server: ApiServer;
let direct: KubeClient;

async function makeNamespace(name: string): Promise<string> {
  must(await direct.create(namespaces, { metadata: { name } }));
  return name;
}

before(async () => {
  server = await startApiServer();
  direct = openKubeClient(server.config, tools, { fieldManager: "test", userAgent: "test/1" });
});
after(async () => {
  await direct?.close();
  await server?.stop();
});

for (const protocol of ["auto", "http1"] as const) {
  describe(`a real API server, protocol ${protocol}`, () => {
    let client: KubeClient;
    let namespace: string;
    before(async () => {
      client = openKubeClient(server.config, tools, { fieldManager: "test", userAgent: "test/1", protocol });
      namespace = await makeNamespace(`contract-${protocol}`);
    });
    after(() => client.close());
    kubeApiContract("the contract of client and server", () => ({ client, namespace }));
  });
}

test("a field that the server does not know is refused by name", async () => {
  const object = { metadata: { name: "strict", namespace: "default" }, dat: {} };
  const result = await direct.create(configMaps, object);
  assert.equal(result.ok, false);
  assert.equal(result.error.code, "bad-request");
  assert.match(result.error.message, /unknown field "dat"/);
});

test("a token that is not valid is unauthorized, a right that is missing forbidden", async () => {
  const wrong = openKubeClient({ ...server.config, token: async () => "wrong" }, tools, { fieldManager: "test", userAgent: "test/1" });
  const refused = await wrong.get(configMaps, { namespace: "default", name: "any" });
  assert.equal(refused.ok ? "none" : refused.error.code, "unauthorized");
  await wrong.close();
  const anonymous = openKubeClient({ ...server.config, token: async () => undefined }, tools, {
    fieldManager: "test",
    userAgent: "test/1",
  });
  const forbidden = await anonymous.get(configMaps, { namespace: "default", name: "any" });
  assert.equal(forbidden.ok ? "none" : forbidden.error.code, "forbidden");
  await anonymous.close();
});

test("the server takes our lease, and a second candidate follows the first", async (context) => {
  const lease = { namespace: "default", name: "elector" };
  const make = (identity: string) =>
    createElector({ ...lease, identity }, { client: direct, ...tools, log: silentLog, metrics: silentKubeMetrics.elector("") });
  const [first, second] = [make("first"), make("second")];
  context.after(() => Promise.all([first.stop?.(), second.stop?.()]));
  await first.start?.(never);
  await first.whenLeading(AbortSignal.timeout(minuteMs));
  await second.start?.(never);
  await first.stop?.();
  await second.whenLeading(AbortSignal.timeout(minuteMs));
});

test("an event is written once and repeats are counted", async (context) => {
  const map = must(await direct.create(configMaps, { metadata: { name: "eventful", namespace: "default" } }));
  const recorder = createEventRecorder({ client: direct, ...tools, log: silentLog, component: "test" });
  context.after(() => recorder.stop?.());
  await recorder.start?.(never);
  const about = { apiVersion: "v1", kind: "ConfigMap", namespace: "default", name: "eventful", uid: String(map.metadata.uid) };
  const words = { type: "Normal", reason: "Tested", message: "it was tested" } as const;
  recorder.record(about, words);
  const selector = { namespace: "default", fieldSelector: `involvedObject.uid=${about.uid}` };
  const written = async () => must(await direct.list(events, selector)).items;
  await until("the event is there", async () => (await written()).length === 1, minuteMs);
  recorder.record(about, words);
  await until("the repeat is counted in it", async () => (await written())[0]?.["count"] === 2, minuteMs);
  assert.equal((await written()).length, 1);
});

test("a server that dies and comes back is followed on, and the cache says meanwhile that it is not well", async (context) => {
  const namespace = await makeNamespace("revived");
  const cache = createReflector<ConfigMap>(
    { resource: configMaps, namespace, project: wholeObject },
    { client: direct, ...tools, log: silentLog, metrics: silentReflectorMetrics },
  );
  context.after(() => cache.stop?.());
  await cache.start?.(never);
  await cache.whenSynced(AbortSignal.timeout(minuteMs));
  await server.kill();
  const lost = await direct.create(configMaps, { metadata: { name: "lost", namespace } }, { attempts: 1 });
  assert.equal(lost.ok ? "none" : lost.error.code, "unreachable");
  await until("the cache is not well", () => cache.trouble()?.code === "unreachable", minuteMs);
  await server.revive();
  must(await direct.create(configMaps, { metadata: { name: "found", namespace } }));
  await until("the cache has what came after", () => cache.store.get({ namespace, name: "found" }) !== undefined, 2 * minuteMs);
  assert.equal(cache.trouble(), undefined);
});

type Story = {
  readonly title: string;
  readonly changes: number;
  readonly protocol: "http1" | "http2";
  readonly goneOne: number;
  readonly seed: number;
};
type Written = { /** "NAME@VERSION" for each write, "NAME removed" for each removal. */ readonly changes: string[] };

/** One fault in about so many lines each; calls fail one in five. */
function planOf(random: Random, goneOne: number): FaultPlan {
  const oneIn = (count: number): boolean => random.fraction() * count < 1;
  return {
    call: (_path, watching) => {
      if (oneIn(12)) return { kind: "status", status: 429, retryAfterSeconds: 1 };
      if (oneIn(15)) return { kind: "status", status: 503 };
      if (oneIn(20)) return { kind: "reset" };
      return !watching && oneIn(40) ? { kind: "hang" } : undefined;
    },
    line: () => {
      if (oneIn(250)) return { kind: "reset" };
      if (oneIn(600)) return { kind: "end" };
      if (oneIn(1500)) return { kind: "silent" };
      if (goneOne > 0 && oneIn(goneOne)) return { kind: "gone" };
      if (oneIn(10)) return { kind: "repeat", count: Math.floor(random.fraction() * 10) };
      return oneIn(4) ? { kind: "split" } : undefined;
    },
  };
}

/** `count` changes on 200 objects, eight at a time, each object by one writer so that its order is known. */
async function writeChanges(namespace: string, count: number, random: Random): Promise<Written> {
  const changes: string[] = [];
  const writer = async (index: number): Promise<void> => {
    const alive = new Set<string>();
    for (let n = 0; n < count / 8; n += 1) {
      const name = `m-${index}-${Math.floor(random.fraction() * 25)}`;
      if (alive.has(name) && random.fraction() < 0.2) {
        must(await direct.remove(configMaps, { namespace, name }));
        alive.delete(name);
        changes.push(`${name} removed`);
        continue;
      }
      const object = { metadata: { name, namespace, labels: { watched: "yes" } }, data: { n: String(n), filling: "x".repeat(500) } };
      const written = must(await direct.apply(configMaps, object, { force: true }));
      alive.add(name);
      changes.push(`${name}@${written.metadata.resourceVersion}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => writer(index)));
  return { changes };
}

function mirror(
  proxy: FaultProxy,
  namespace: string,
  { protocol, seed }: Story,
): { cache: Reflector<ConfigMap>; client: KubeClient; seen: string[]; view: Map<string, ConfigMap> } {
  const config = { ...server.config, server: proxy.url, tls: { verify: true, files: async () => ({}) } };
  const client = openKubeClient(config, tools, { fieldManager: "test", userAgent: "mirror/1", protocol });
  const cache = createReflector<ConfigMap>(
    // Two missed bookmarks would take minutes; a cut cable is to be found within seconds here.
    { resource: configMaps, namespace, labelSelector: "watched=yes", project: wholeObject, idleMs: 4000 },
    { client, clock: systemClock, random: seededRandom(seed), log: silentLog, metrics: silentReflectorMetrics },
  );
  const seen: string[] = [];
  const view = new Map<string, ConfigMap>();
  cache.onChange((change) => {
    const { name, resourceVersion } = (change.kind === "removed" ? change.before : change.object).metadata;
    seen.push(change.kind === "removed" ? `${name} removed` : `${name}@${resourceVersion}`);
    if (change.kind === "removed") view.delete(name);
    else view.set(name, change.object);
  });
  return { cache, client, seen, view };
}

function collected(): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  return process.memoryUsage().heapUsed;
}

const stories: readonly Story[] = [
  {
    title: "10,000 changes through resets, silence, 429, 503, pieces and repeats: each is seen exactly once",
    changes: 10_000,
    protocol: "http2",
    goneOne: 0,
    seed: 6,
  },
  {
    title: "the same with expired versions, over HTTP/1.1: nothing is missed at the end",
    changes: 4000,
    protocol: "http1",
    goneOne: 100,
    seed: 7,
  },
];

for (const [index, story] of stories.entries()) {
  test(story.title, { timeout: 10 * minuteMs }, async (context) => {
    const namespace = await makeNamespace(`faults-${index}`);
    const ca = (await server.config.tls.files()).ca ?? "";
    const proxy = await startFaultProxy({ url: server.config.server, ca }, story.protocol, planOf(seededRandom(story.seed), story.goneOne));
    const { cache, client, seen, view } = mirror(proxy, namespace, story);
    await cache.start?.(never);
    try {
      await cache.whenSynced(AbortSignal.timeout(minuteMs));
      const heapBefore = collected();
      const beganMs = performance.now();
      const { changes } = await writeChanges(namespace, story.changes, seededRandom(story.seed));
      const wroteMs = performance.now() - beganMs;
      const truth = must(await direct.listAll(configMaps, { namespace, labelSelector: "watched=yes" })).items;
      const versions = (objects: Iterable<ConfigMap>): readonly string[] =>
        [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
      await until(
        "the cache equals the server's truth",
        () => JSON.stringify(versions(cache.store.values())) === JSON.stringify(versions(truth)),
        3 * minuteMs,
      );
      assert.deepEqual(versions(view.values()), versions(truth), "the handlers' view is the same");
      if (story.goneOne === 0) assert.deepEqual([...seen].sort(), [...changes].sort(), "each change was told exactly once");
      const grownMiB = (collected() - heapBefore) / 2 ** 20;
      assert.ok(grownMiB < 24, `the heap grew by ${grownMiB.toFixed(1)} MiB`);
      const faults = [...proxy.played].map(([fault, times]) => `${fault} ${times}`).join(", ");
      context.diagnostic(
        `${changes.length} changes in ${(wroteMs / 1000).toFixed(1)} s, ${seen.length} told; the heap changed by ${grownMiB.toFixed(1)} MiB; faults: ${faults}`,
      );
      // After an expired version a list brings many changes at once, so fewer lines are left to break.
      const [fault, least] = story.goneOne === 0 ? (["reset", story.changes / 1000] as const) : (["gone", 3] as const);
      assert.ok((proxy.played.get(fault) ?? 0) >= least, `there were enough faults: ${faults}`);
    } finally {
      await cache.stop?.();
      await client.close();
      await proxy.stop();
    }
  });
}
