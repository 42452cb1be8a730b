// The Kubernetes client bench: reads and applies a second, 16 at a time, beside a client that opens a connection for every
// call, in the same rounds on the same real API server; and how long until a cache has seen a change.
import { request as startRequest } from "node:https";
import type { KubeClient } from "../src/operator/kube/client.ts";
import { openKubeClient } from "../src/operator/kube/open-client.ts";
import { wholeObject } from "../src/operator/kube/projection.ts";
import { createReflector } from "../src/operator/kube/reflector.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { systemRandom } from "../src/runtime/random.ts";
import { type ApiServer, startApiServer } from "../test/support/api-server.ts";
import { type ConfigMap, configMaps } from "../test/support/kube-kinds.ts";
import { silentKubeMetrics, silentReflectorMetrics } from "../test/support/kube-silence.ts";
import { type Bench, type BenchOptions, median, percentile, type Result, summarise } from "./result.ts";

const atOnce = 16;
const calls = 2000;
/** A connection a call is so much slower that fewer give the same certainty. */
const referenceCalls = 400;
const changes = 300;
const name = { namespace: "default", name: "bench" };
const wanted: ConfigMap = { metadata: name, data: { filling: "x".repeat(2048) } };

async function perSecond(count: number, call: () => Promise<void>): Promise<number> {
  let left = count;
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    for (; left > 0; ) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - begun) / 1000);
}

/** One call over a connection of its own. */
function alone(server: ApiServer, ca: string, method: "GET" | "PATCH"): Promise<void> {
  const { hostname, port } = server.config.server;
  const path = `/api/v1/namespaces/${name.namespace}/configmaps/${name.name}${method === "GET" ? "" : "?fieldManager=bench&force=true"}`;
  const body = method === "GET" ? "" : JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", ...wanted });
  const headers = {
    authorization: `Bearer ${server.token}`,
    "content-type": "application/apply-patch+yaml",
    "content-length": body.length,
  };
  return new Promise((resolve, reject) => {
    const outgoing = startRequest({ hostname, port, path, method, headers, ca, agent: false }, (answer) => {
      answer.resume();
      answer.once("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`))));
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

async function rates(server: ApiServer, client: KubeClient, runs: number): Promise<readonly Result[]> {
  const ca = (await server.config.tls.files()).ca ?? "";
  const get = async (): Promise<void> => {
    const got = await client.get(configMaps, name);
    if (!got.ok) throw got.error;
  };
  const apply = async (): Promise<void> => {
    const applied = await client.apply(configMaps, wanted, { force: true });
    if (!applied.ok) throw applied.error;
  };
  await apply();
  const results: Result[] = [];
  for (const [what, ours, method] of [
    ["read an object", get, "GET"],
    ["apply what is there already", apply, "PATCH"],
  ] as const) {
    const [own, reference]: [number[], number[]] = [[], []];
    for (let run = 0; run < runs; run += 1) {
      own.push(await perSecond(calls, ours));
      reference.push(await perSecond(referenceCalls, () => alone(server, ca, method)));
    }
    const middle = median(reference);
    const beside = { reference: { what: "a connection a call", median: middle }, ratio: median(own) / middle };
    results.push(summarise({ bench: "kube", what: `${what}, ${atOnce} at a time`, unit: "/s" }, own, beside));
  }
  return results;
}

/** From the call that changes an object until the cache's handler has it. */
async function latencies(client: KubeClient, runs: number): Promise<readonly Result[]> {
  const cache = createReflector<ConfigMap>(
    { resource: configMaps, namespace: name.namespace, project: wholeObject },
    { client, clock: systemClock, random: systemRandom, log: silentLog, metrics: silentReflectorMetrics },
  );
  let seen = (_count: string | undefined): void => {};
  cache.onChange((change) => seen(change.kind === "removed" ? undefined : change.object.data?.["count"]));
  await cache.start?.(new AbortController().signal);
  await cache.whenSynced(AbortSignal.timeout(60_000));
  const p99: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const took: number[] = [];
    for (let count = 0; count < changes; count += 1) {
      const value = `${run}-${count}`;
      const arrived = new Promise<void>((resolve) => {
        seen = (now) => (now === value ? resolve() : undefined);
      });
      const begun = performance.now();
      const patched = await client.patch(configMaps, name, { type: "merge", body: { data: { count: value } } });
      if (!patched.ok) throw patched.error;
      await arrived;
      took.push(performance.now() - begun);
    }
    p99.push(percentile(took, 0.99));
  }
  await cache.stop?.();
  return [summarise({ bench: "kube", what: "change to seen in the cache, p99", unit: "ms" }, p99)];
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const server = await startApiServer().catch((error: unknown) => {
    console.log(`kube is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (server === undefined) return [];
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  const client = openKubeClient(server.config, tools, { fieldManager: "bench", userAgent: "bench/1" });
  try {
    return [...(await rates(server, client, runs)), ...(await latencies(client, runs))];
  } finally {
    await client.close();
    await server.stop();
  }
}

export const bench: Bench = { name: "kube", run };
