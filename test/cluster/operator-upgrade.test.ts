// Proves on a real API server that another version of the operator, with another image, changes no pod and no gateway of a farm
// until its behaviourVersion is raised: by what the server itself says of fields and their owners. Method: the whole operator
// twice, one after the other, against etcd and kube-apiserver of its own; no pod ever runs.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { customResourceDefinition, kinds } from "../../src/operator/api/kinds.ts";
import { definitions } from "../../src/operator/cluster/ensure-kinds.ts";
import { deployments, type FarmObject, farms, fieldManager, nodeRecords, pods } from "../../src/operator/cluster/resources.ts";
import { readConfig } from "../../src/operator/config.ts";
import { type KubeClient, type KubeObject, ownedFields } from "../../src/operator/kube/index.ts";
import { withKeptTemplate } from "../../src/operator/manifests/kept-template.ts";
import { annotations } from "../../src/operator/manifests/names.ts";
import { createOperator } from "../../src/operator/operator.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, openTestClient, startApiServer } from "../support/api-server.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespace = "default";
const longMs = 60_000;
const name = "attic";
const [old, next] = ["vaultfarm:1", "vaultfarm:2"];

let server: ApiServer;
let client: KubeClient;
let operator: ReturnType<typeof createOperator> | undefined;

async function startOperator(image: string, identity: string): Promise<void> {
  const config = readConfig({
    VAULTFARM_OPERATOR_NAMESPACE: namespace,
    VAULTFARM_OPERATOR_IDENTITY: identity,
    VAULTFARM_OPERATOR_IMAGE: image,
    VAULTFARM_OPERATOR_LISTEN_IP: "127.0.0.1",
    VAULTFARM_OPERATOR_PORT: "19196",
  });
  const tools = { clock: systemClock, random: systemRandom, log: silentLog, env: { KUBECONFIG: server.kubeconfig } };
  operator = createOperator(config, tools);
  await operator.start(new AbortController().signal);
}

before(async () => {
  server = await startApiServer();
  client = openTestClient(server);
  for (const kind of kinds)
    must(await client.apply(definitions, customResourceDefinition(kind) as unknown as KubeObject, { force: true, fieldManager: "helm" }));
  for (const resource of [farms, nodeRecords])
    await until(`${resource.kind} is served`, async () => (await client.list(resource, { namespace })).ok, longMs);
  await startOperator(old, "one");
});
after(async () => {
  await operator?.stop();
  await client?.close();
  await server?.stop();
});

type Template = { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
type Gateways = KubeObject & { readonly spec: { readonly template: Template } };

async function gateways(): Promise<Gateways | undefined> {
  const read = await client.get(deployments, { namespace, name: `${name}-gateway` });
  return read.ok ? (read.value as Gateways) : undefined;
}
const imageOf = ({ spec }: Gateways): string | undefined => spec.template.spec.containers[0]?.image;

async function podUids(): Promise<readonly unknown[]> {
  return must(await client.listAll(pods, { namespace }))
    .items.map(({ metadata }) => metadata.uid)
    .sort();
}

/** Waits until the farm's condition `UpdateAvailable` has this reason. The farm. */
function farmSaying(reason: string): Promise<FarmObject> {
  type Condition = { readonly type: string; readonly reason: string };
  return until(
    `the farm says ${reason}`,
    async () => {
      const farm = must(await client.get(farms, { namespace, name })) as FarmObject;
      const conditions = (farm.status?.["conditions"] ?? []) as readonly Condition[];
      return conditions.some((one) => one.type === "UpdateAvailable" && one.reason === reason) && farm;
    },
    longMs,
  );
}

/** What an operator that writes the gateways' template in another way would apply over the one that is there. */
function writtenOtherwise(shown: Gateways): unknown {
  const { of } = JSON.parse(shown.metadata.annotations?.[annotations.madeOf] ?? "") as { readonly of: string };
  const otherwise = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: { template: { spec: { containers: [] } } } };
  const owned = ownedFields(shown, fieldManager) ?? assert.fail("the server names owners");
  return (withKeptTemplate(otherwise, of, { ...shown, owned })["spec"] as Gateways["spec"]).template;
}

test("another image: pods, gateways and their template stay as they are, and a raised behaviourVersion takes it", async () => {
  must(await client.create(farms, { metadata: { name, namespace }, spec: { replicas: 4, vaultCapacity: "1Gi" } } as KubeObject));
  await until("the farm is made", async () => (await podUids()).length === 4 && (await gateways()) !== undefined, longMs);
  await farmSaying("SameImage");
  const [uids, made] = [await podUids(), (await gateways()) ?? assert.fail()];
  const kept = writtenOtherwise(made) as Template;
  assert.equal(kept.spec.containers[0]?.image, old, "by the server's owners the note is the operator's own, so the template stays");
  await operator?.stop();
  await startOperator(next, "two");
  assert.equal((await farmSaying("OtherImage")).status?.["image"], old);
  // It does all that it has to: a Deployment that somebody deleted is made with what the farm runs.
  assert.deepEqual([await podUids(), (await gateways())?.metadata.generation], [uids, made.metadata.generation]);
  must(await client.remove(deployments, { namespace, name: `${name}-gateway` }));
  const again = await until("the gateways are made again", gateways, longMs);
  assert.deepEqual(again.spec.template, made.spec.template);
  must(await client.patch(farms, { namespace, name }, { type: "merge", body: { spec: { update: { behaviourVersion: 2 } } } }));
  assert.equal((await farmSaying("SameImage")).status?.["image"], next);
  await until("the gateways have it", async () => imageOf((await gateways()) ?? assert.fail()) === next, longMs);
  const lower = await client.patch(farms, { namespace, name }, { type: "merge", body: { spec: { update: { behaviourVersion: 1 } } } });
  assert.match(lower.ok ? "" : lower.error.message, /behaviourVersion is only raised/);
});
