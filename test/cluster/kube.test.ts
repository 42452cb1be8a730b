// Proves on a real API server what the operator's machinery rests on: the contract of client and server, a lease that the
// server accepts, events, and a restart of the server. Method: etcd and kube-apiserver of its own; no other part of a cluster.
import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import type { KubeClient } from "../../src/operator/kube/client.ts";
import { createElector } from "../../src/operator/kube/elector.ts";
import { createEventRecorder, events } from "../../src/operator/kube/event-recorder.ts";
import { openKubeClient } from "../../src/operator/kube/open-client.ts";
import { wholeObject } from "../../src/operator/kube/projection.ts";
import { createReflector } from "../../src/operator/kube/reflector.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, startApiServer } from "../support/api-server.ts";
import { until } from "../support/deadline.ts";
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
