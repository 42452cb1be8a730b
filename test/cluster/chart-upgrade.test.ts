// Proves that a release of any earlier chart can be upgraded to this one: nothing is refused, nothing that holds data or was
// set by a person is touched, and the kinds end up as this version has them. Method: Helm installs the packaged earlier chart
// on a real API server and upgrades it; the kinds are brought up to date by the operator's own code, as its leader does.
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { customResourceDefinition, kinds } from "../../src/operator/api/kinds.ts";
import { ensureKinds } from "../../src/operator/cluster/ensure-kinds.ts";
import { claims, deployments, type FarmObject, farms, nodeRecords, secrets } from "../../src/operator/cluster/resources.ts";
import { defineResource, type KubeClient, type KubeObject, type Resource } from "../../src/operator/kube/index.ts";
import { judgeSpec } from "../../src/operator/vault-farm/judge-spec.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type ApiServer, openTestClient, startApiServer } from "../support/api-server.ts";
import { changeRelease, chart, type Release, uninstallRelease } from "../support/chart.ts";
import type { CommandResult } from "../support/command.ts";
import { must } from "../support/kube-api.contract.ts";

const folder = "test/cluster/previous-charts";
const packages = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
const cluster = (apiVersion: string, kind: string, plural: string): Resource =>
  defineResource({ apiVersion, kind, plural, namespaced: false });
const definitions = cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions");
const clusterRoles = cluster("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles");
const versionNow = (parse(readFileSync(join(chart, "Chart.yaml"), "utf8")) as { readonly version: string }).version;

let server: ApiServer;
let client: KubeClient;
before(async () => {
  server = await startApiServer();
  client = openTestClient(server);
});
after(async () => {
  await client?.close();
  await server?.stop();
});

const well = ({ code, out, err }: CommandResult): void => assert.equal(code, 0, `${out}${err}`);
const field = (object: object, path: string): unknown =>
  path.split(".").reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), object);

/** What an operator of the earlier version has made in the farm's namespace, as far as it must outlive everything. */
async function makeWhatMustStay(namespace: string): Promise<void> {
  const named = (name: string) => ({ metadata: { name, namespace } });
  must(await client.create(secrets, { ...named("attic-network"), data: { key: "AA==" } }));
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  must(await client.create(claims, { ...named("attic-abcde"), spec } as KubeObject));
  must(await client.create(nodeRecords, { ...named("attic-abcde"), spec: { farm: "attic", desired: "Cordoned" } }));
}

type Kept = Readonly<Record<string, string | undefined>>;
async function uidsOf(namespace: string): Promise<Kept> {
  const places: readonly (readonly [Resource, string])[] = [
    [farms, "attic"],
    [secrets, "attic-network"],
    [claims, "attic-abcde"],
    [nodeRecords, "attic-abcde"],
  ];
  const uids: Record<string, string | undefined> = {};
  for (const [resource, name] of places)
    uids[`${resource.kind} ${name}`] = must(await client.get(resource as Resource<KubeObject>, { namespace, name })).metadata.uid;
  return uids;
}

async function assertKindsOfToday(): Promise<void> {
  for (const kind of kinds) {
    // As it travels: without fields that are undefined.
    const wanted = JSON.parse(JSON.stringify(customResourceDefinition(kind))) as KubeObject;
    const shown = must(await client.get<KubeObject>(definitions, { name: wanted.metadata.name }));
    const schemas = (of: object): unknown =>
      (field(of, "spec.versions") as readonly { readonly schema: unknown }[]).map(({ schema }) => schema);
    assert.deepEqual(schemas(shown), schemas(wanted));
  }
}

for (const [index, name] of packages.entries()) {
  test(`a release of ${basename(name, ".tgz")} is upgraded, and what it holds stays`, async () => {
    const namespace = `upgraded-${index}`;
    const release: Release = { name: "vaultfarm", namespace, values: { farm: { create: true }, image: { tag: "1" } } };
    const place = { kubeconfig: server.kubeconfig };
    well(await changeRelease(release, { verb: "install", chart: join(folder, name), ...place }));
    // A person scaled the farm, and set a field that the chart says nothing of.
    must(await client.setScale(farms, { namespace, name: "attic" }, 7));
    must(await client.patch(farms, { namespace, name: "attic" }, { type: "merge", body: { spec: { paused: true } } }));
    await makeWhatMustStay(namespace);
    const before = await uidsOf(namespace);
    const deploymentBefore = must(await client.get<KubeObject>(deployments, { namespace, name: "vaultfarm" }));

    well(await changeRelease({ ...release, values: { image: { tag: "2" } } }, { verb: "upgrade", chart, ...place }));
    await ensureKinds(client, silentLog);

    assert.deepEqual(await uidsOf(namespace), before);
    const deployment = must(await client.get<KubeObject>(deployments, { namespace, name: "vaultfarm" }));
    assert.equal(deployment.metadata.uid, deploymentBefore.metadata.uid, "changed where it was, not made anew");
    assert.deepEqual(field(deployment, "spec.selector"), field(deploymentBefore, "spec.selector"));
    assert.equal(deployment.metadata.labels?.["helm.sh/chart"], `vaultfarm-${versionNow}`);
    assert.match(JSON.stringify(field(deployment, "spec.template.spec.containers")), /"image":"[^"]*:2"/);
    const farm = must(await client.get<FarmObject>(farms, { namespace, name: "attic" }));
    assert.deepEqual([field(farm, "spec.replicas"), field(farm, "spec.paused")], [7, true], "what a person set stays");
    assert.equal(judgeSpec(farm.spec).ok, true, "this operator takes the farm of the earlier version");
    await assertKindsOfToday();
    const role = must(await client.get<KubeObject>(clusterRoles, { name: `${namespace}-vaultfarm-cluster` }));
    const rules = parse(readFileSync(join(chart, "files/rules.yaml"), "utf8")) as { readonly cluster: unknown };
    assert.deepEqual(field(role, "rules"), rules.cluster, "and the operator has the rights of today");

    well(await uninstallRelease(release, server.kubeconfig));
    assert.deepEqual(await uidsOf(namespace), before, "uninstalling takes no data");
  });
}

test("there is an earlier chart, and none of the version in the tree", () => {
  assert.ok(packages.length > 0);
  assert.ok(!packages.includes(`vaultfarm-${versionNow}.tgz`), "raise version in charts/vaultfarm/Chart.yaml");
});
