// Proves on a real API server that another version of the operator, with another image, changes no pod and no gateway of a farm
// until its behaviourVersion is raised: by what the server itself says of fields and their owners. Method: the whole operator
// twice, one after the other, against etcd and kube-apiserver of its own; no pod ever runs.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { deployments, type FarmObject, farms, fieldManager, pods } from "../../src/operator/cluster/resources.ts";
import { type KubeClient, type KubeObject, ownedFields } from "../../src/operator/kube/index.ts";
import { withKeptTemplate } from "../../src/operator/manifests/kept-template.ts";
import { annotations } from "../../src/operator/manifests/names.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespace = "default";
const longMs = 60_000;
const name = "attic";
const [old, next] = ["vaultfarm:1", "vaultfarm:2"];

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator({ image: old, identity: "one" });
});
after(() => operated?.stop());

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
  await operated.stopOperator();
  await operated.startOperator({ image: next, identity: "two" });
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
