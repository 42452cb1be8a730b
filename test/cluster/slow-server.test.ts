// Proves on a real API server that answers every call late, and now and then not at all, that the operator makes a farm and
// grows it with no node too many, keeps its lease, and complains of nothing. Method: the whole operator behind the proxy that
// breaks things, against etcd and kube-apiserver of its own; no pod ever runs.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { claims, type FarmObject, farms, fieldManager, nodeRecords, pods } from "../../src/operator/cluster/resources.ts";
import { readConfig } from "../../src/operator/config.ts";
import { createKubeMetrics, type KubeClient, type KubeObject, openKubeClient, type Resource } from "../../src/operator/kube/index.ts";
import { callMember } from "../../src/operator/node-access/http-call.ts";
import { createFarmManager } from "../../src/operator/operator.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { createMetricsRegistry } from "../../src/runtime/metrics-registry.ts";
import { seededRandom, systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, openTestClient, startApiServer } from "../support/api-server.ts";
import { bringKinds } from "../support/bring-kinds.ts";
import { until } from "../support/deadline.ts";
import { type FaultPlan, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { must } from "../support/kube-api.contract.ts";
import { silentKubeMetrics } from "../support/kube-silence.ts";

const namespace = "default";
const longMs = 240_000;
/** Of each call, milliseconds: dozens of calls make a farm. */
const slowMs = 300;
const tools = { clock: systemClock, random: systemRandom, log: silentLog };

let server: ApiServer;
let direct: KubeClient;
let proxy: FaultProxy;

before(async () => {
  server = await startApiServer();
  direct = openTestClient(server);
  await bringKinds(direct);
  const ca = (await server.config.tls.files()).ca ?? "";
  proxy = await startFaultProxy({ url: server.config.server, ca }, "http1", slowPlan());
});
after(async () => {
  await proxy?.stop();
  await direct?.close();
  await server?.stop();
});

/** Every call waits; of each twenty one is refused by a busy server, and one does not learn that it was done. */
function slowPlan(): FaultPlan {
  const random = seededRandom(6);
  return {
    call: (_path, watching) => {
      const luck = watching ? 1 : random.fraction();
      if (luck < 0.05) return { kind: "status", status: 429, retryAfterSeconds: 1 };
      return luck < 0.1 ? { kind: "reset" } : { kind: "slow", ms: slowMs };
    },
    line: () => undefined,
  };
}

const namesOf = async (resource: Resource): Promise<readonly string[]> =>
  must(await direct.listAll(resource, { namespace, labelSelector: "vaultfarm.dev/node" }))
    .items.map(({ metadata }) => metadata.name)
    .sort();

async function untilNodes(count: number): Promise<readonly string[]> {
  let most = 0;
  await until(
    `${count} pods`,
    async () => {
      const { items } = must(await direct.listAll(nodeRecords, { namespace }));
      most = Math.max(most, items.length);
      return items.length === count && (await namesOf(pods)).length === count;
    },
    longMs,
  );
  assert.equal(most, count, "none too many at any time");
  return namesOf(pods);
}

test("an API server that answers late and loses answers: a farm is made and grown, with no node too many", async () => {
  const config = readConfig({
    VAULTFARM_OPERATOR_NAMESPACE: namespace,
    VAULTFARM_OPERATOR_IDENTITY: "one",
    VAULTFARM_OPERATOR_IMAGE: "vaultfarm:test",
  });
  const to = { ...server.config, server: proxy.url };
  const client = openKubeClient(to, { ...tools, metrics: silentKubeMetrics }, { fieldManager, userAgent: "test/1", protocol: "http1" });
  const registry = createMetricsRegistry({ processMetrics: false });
  const reach = { client, call: callMember, registry, metrics: createKubeMetrics(registry) };
  const stopping = new AbortController();
  const running = createFarmManager(config, tools, reach).run(stopping.signal);
  try {
    must(await direct.create(farms, { metadata: { name: "attic", namespace }, spec: { replicas: 4, vaultCapacity: "1Gi" } } as KubeObject));
    const first = await untilNodes(4);
    must(await direct.patch(farms, { namespace, name: "attic" }, { type: "merge", body: { spec: { replicas: 6 } } }));
    const grown = await untilNodes(6);
    assert.ok(first.every((name) => grown.includes(name)));
    assert.deepEqual(await namesOf(claims), grown);
    await until(
      "the farm says so, and complains of nothing",
      async () => {
        const { status } = must(await direct.get(farms, { namespace, name: "attic" })) as FarmObject;
        const conditions = (status?.["conditions"] ?? []) as readonly { readonly type: string; readonly reason: string }[];
        return status?.["nodes"] === 6 && conditions.some(({ type, reason }) => type === "SpecAccepted" && reason === "Accepted");
      },
      longMs,
    );
    assert.ok((proxy.played.get("reset of a call") ?? 0) > 0 && (proxy.played.get("status 429") ?? 0) > 0, "there were faults");
  } finally {
    stopping.abort(new Error("the test is over"));
    assert.equal(await running, "stopped", "it kept its lease");
    await client.close();
  }
});
