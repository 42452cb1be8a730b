// Proves that a cache misses none of 10,000 changes through a proxy that breaks everything there is to break, over both transports,
// in bounded memory. Each change is told exactly once and in its object's order; only what an expired version hides is told no
// more: states that were over when the list was made that it asks for. Method: a real API server, a writer that knows what it
// wrote, a proxy that plays faults by chance and none too seldom, and a judge (test/support/missed-changes.ts).
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { KubeClient, ListQuery, WatchQuery } from "../../src/operator/kube/client.ts";
import { openKubeClient } from "../../src/operator/kube/open-client.ts";
import { wholeObject } from "../../src/operator/kube/projection.ts";
import { createReflector, type Reflector } from "../../src/operator/kube/reflector.ts";
import type { Resource } from "../../src/operator/kube/resource.ts";
import type { WatchEvent } from "../../src/operator/kube/watch-stream.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type Random, seededRandom, systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, startApiServer } from "../support/api-server.ts";
import { until } from "../support/deadline.ts";
import { type FaultPlan, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { must } from "../support/kube-api.contract.ts";
import { type ConfigMap, configMaps, namespaces } from "../support/kube-kinds.ts";
import { silentKubeMetrics, silentReflectorMetrics } from "../support/kube-silence.ts";
import { type Gap, judgeTelling, type Written } from "../support/missed-changes.ts";

const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
const never = new AbortController().signal;
const minuteMs = 60_000;
const changesCount = 10_000;
const writers = 8;
/** Writers wait for a mirror that is further behind, so that an expired version hides some changes and not the rest of the story. */
const behindMax = 300;
/** What may be kept of 10,000 changes, MiB: the test's own notes of them. The changes themselves are 17 or more. */
const grownMaxMiB = 6;
/** Every fault there is, and how often it is played at least. */
const playedMin: Readonly<Record<string, number>> = {
  ...{ "status 429": 3, "status 503": 3, "reset of a call": 3, "hang of a call": 1 },
  ...{ reset: 10, end: 5, silent: 2, gone: 5, split: 1000, repeat: 300 },
};

let server: ApiServer;
let direct: KubeClient;
before(async () => {
  server = await startApiServer();
  direct = openKubeClient(server.config, tools, { fieldManager: "test", userAgent: "test/1" });
});
after(async () => {
  await direct?.close();
  await server?.stop();
});

/** By chance one time in `count`, and never later than `count` times after it last was so: no fault stays away from a story. */
function oneIn(count: number, random: Random): () => boolean {
  let since = 0;
  return () => {
    since += 1;
    if (since < count && random.fraction() * count >= 1) return false;
    since = 0;
    return true;
  };
}

function planOf(random: Random): FaultPlan {
  const [busy, overloaded, cut, hung] = [oneIn(12, random), oneIn(15, random), oneIn(20, random), oneIn(10, random)];
  const [reset, ended, silent, gone] = [oneIn(400, random), oneIn(800, random), oneIn(3000, random), oneIn(1000, random)];
  const [repeated, split] = [oneIn(10, random), oneIn(4, random)];
  return {
    call: (_path, watching) => {
      if (busy()) return { kind: "status", status: 429, retryAfterSeconds: 1 };
      if (overloaded()) return { kind: "status", status: 503 };
      if (cut()) return { kind: "reset" };
      return !watching && hung() ? { kind: "hang" } : undefined;
    },
    line: () => {
      if (reset()) return { kind: "reset" };
      if (ended()) return { kind: "end" };
      if (silent()) return { kind: "silent" };
      if (gone()) return { kind: "gone" };
      if (repeated()) return { kind: "repeat", count: Math.floor(random.fraction() * 10) };
      return split() ? { kind: "split" } : undefined;
    },
  };
}

/** Another 2 KB each time: what is the same in many objects is kept once, and would hide that they are kept. */
function fillingOf(words: string): string {
  return `${words} `.repeat(2048 / (words.length + 1));
}

/** `changesCount` changes on 200 objects, each object by one writer so that its order is known. `knownVersion`: how far the mirror is. */
async function writeChanges(namespace: string, random: Random, knownVersion: () => number): Promise<readonly Written[]> {
  const changes: Written[] = [];
  const writer = async (index: number): Promise<void> => {
    const alive = new Set<string>();
    let version = 0;
    for (let n = 0; n < changesCount / writers; n += 1) {
      await until("the mirror follows", () => (changes.at(-behindMax)?.version ?? 0) <= knownVersion(), 3 * minuteMs);
      const name = `m-${index}-${Math.floor(random.fraction() * 25)}`;
      const removal = alive.has(name) && random.fraction() < 0.2;
      if (removal) {
        must(await direct.remove(configMaps, { namespace, name }));
        alive.delete(name);
      } else {
        const data = { filling: fillingOf(`${index}-${n}`) };
        const object = { metadata: { name, namespace, labels: { watched: "yes" } }, data };
        version = Number(must(await direct.apply(configMaps, object, { force: true })).metadata.resourceVersion);
        alive.add(name);
      }
      changes.push({ name, removal, version });
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, index) => writer(index)));
  return changes;
}

type Followed = { readonly client: Pick<KubeClient, "list" | "watch">; readonly gaps: readonly Gap[]; knownVersion(): number };

/** `client`, with notes of how far it followed and of what its lists hid. */
function noting(client: KubeClient): Followed {
  const gaps: Gap[] = [];
  let known = 0;
  async function* noted(events: AsyncIterable<WatchEvent>): AsyncGenerator<WatchEvent> {
    for await (const event of events) {
      const version =
        event.kind === "bookmark" ? event.resourceVersion : event.kind === "error" ? 0 : event.object.metadata.resourceVersion;
      known = Math.max(known, Number(version));
      yield event;
    }
  }
  const list = async (resource: Resource, query?: ListQuery) => {
    const page = await client.list(resource, query);
    if (page.ok) {
      gaps.push({ after: known, to: Number(page.value.resourceVersion) });
      known = Number(page.value.resourceVersion);
    }
    return page;
  };
  const watch = async (resource: Resource, query: WatchQuery) => {
    const opened = await client.watch(resource, query);
    return opened.ok ? { ok: true, value: noted(opened.value) } : opened;
  };
  return { client: { list, watch } as Followed["client"], gaps, knownVersion: () => known };
}

type Mirror = Omit<Followed, "client"> & {
  readonly cache: Reflector<ConfigMap>;
  readonly client: KubeClient;
  /** What handlers were told, and the view that it makes. */
  readonly told: readonly string[];
  readonly view: ReadonlyMap<string, ConfigMap>;
};

function mirror(proxy: FaultProxy, namespace: string, protocol: "http1" | "http2", random: Random): Mirror {
  const config = { ...server.config, server: proxy.url, tls: { verify: true, files: async () => ({}) } };
  // A list that is never answered would take half a minute.
  const limits = { timeoutMs: 4000 };
  const client = openKubeClient(config, tools, { fieldManager: "test", userAgent: "mirror/1", protocol, limits });
  const followed = noting(client);
  const cache = createReflector<ConfigMap>(
    // Two missed bookmarks would take minutes; a cut cable is to be found within seconds here.
    { resource: configMaps, namespace, labelSelector: "watched=yes", project: wholeObject, idleMs: 4000 },
    { client: followed.client, clock: systemClock, random, log: silentLog, metrics: silentReflectorMetrics },
  );
  const told: string[] = [];
  const view = new Map<string, ConfigMap>();
  cache.onChange((change) => {
    const { name, resourceVersion } = (change.kind === "removed" ? change.before : change.object).metadata;
    told.push(change.kind === "removed" ? `${name} removed` : `${name}@${resourceVersion}`);
    if (change.kind === "removed") view.delete(name);
    else view.set(name, change.object);
  });
  return { ...followed, cache, client, told, view };
}

const versionsOf = (objects: Iterable<ConfigMap>): readonly string[] =>
  [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();

/** Bytes of the heap once nothing is left to collect. */
function collected(): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  return process.memoryUsage().heapUsed;
}

for (const [protocol, seed] of [
  ["http2", 6],
  ["http1", 7],
] as const)
  test(`10,000 changes through every fault over ${protocol}: each is told once, none that stayed is missed`, {
    timeout: 15 * minuteMs,
  }, async (context) => {
    const namespace = `faults-${protocol}`;
    must(await direct.create(namespaces, { metadata: { name: namespace } }));
    const ca = (await server.config.tls.files()).ca ?? "";
    const proxy = await startFaultProxy({ url: server.config.server, ca }, protocol, planOf(seededRandom(seed)));
    const { cache, client, told, view, gaps, knownVersion } = mirror(proxy, namespace, protocol, seededRandom(seed));
    await cache.start?.(never);
    try {
      await cache.whenSynced(AbortSignal.timeout(minuteMs));
      const heapBefore = collected();
      const beganMs = performance.now();
      const changes = await writeChanges(namespace, seededRandom(seed), knownVersion);
      const wroteMs = performance.now() - beganMs;
      const truth = versionsOf(must(await direct.listAll(configMaps, { namespace, labelSelector: "watched=yes" })).items);
      const isWhole = (): boolean => JSON.stringify(versionsOf(cache.store.values())) === JSON.stringify(truth);
      await until("the cache equals the server's truth", isWhole, 3 * minuteMs);
      const grownMiB = (collected() - heapBefore) / 2 ** 20;
      const { missed, wrong, hidden } = judgeTelling(changes, told, gaps);
      const faults = [...proxy.played].map(([fault, times]) => `${fault} ${times}`).join(", ");
      context.diagnostic(
        `${changes.length} changes in ${(wroteMs / 1000).toFixed(1)} s, ${told.length} told, ${hidden} hidden by ${gaps.length} lists; the heap grew by ${grownMiB.toFixed(1)} MiB; faults: ${faults}`,
      );
      assert.deepEqual(versionsOf(view.values()), truth, "the handlers' view is the same");
      assert.deepEqual({ missed, wrong }, { missed: [], wrong: [] });
      assert.ok(hidden < changes.length / 3, `most changes were followed live: ${hidden} were not`);
      assert.ok(grownMiB < grownMaxMiB, `the heap grew by ${grownMiB.toFixed(1)} MiB`);
      const tooSeldom = Object.entries(playedMin).filter(([fault, least]) => (proxy.played.get(fault) ?? 0) < least);
      assert.deepEqual(tooSeldom, [], `every fault was played: ${faults}`);
    } finally {
      await cache.stop?.();
      await client.close();
      await proxy.stop();
    }
  });
