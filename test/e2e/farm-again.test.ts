// Proves that data outlives everything that only runs: the release, the farm's object, all pods at once with their
// addresses, a spec that is wrong. Each time the same hashes under the same network id; and deleted namespaces end.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { image, imageValues, type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { helm, kubectl, runTool } from "../support/cluster-tools.ts";
import { conditionOf, type PodView, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
/** From when the last pod runs until all nodes of a farm that was woken have joined. */
const joinWithinMs = 30_000;
const { scenario } = scenarios("again");
let files: readonly Kept[] = [];
let networkId = "";

async function assertSameFarm(release: Release, nodes: readonly string[]): Promise<void> {
  const { views, namespace, name } = release;
  assert.deepEqual(await untilSettled(views, release, { nodes: nodes.length, withinMs: 5 * minute }), nodes);
  assert.equal((await views.farm(namespace, name)).status?.networkId, networkId);
  await release.assertKept(files);
}

async function namesOf({ views, namespace, name }: Release): Promise<readonly string[]> {
  return (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
}

async function untilGone(release: Release, what: string): Promise<void> {
  await until(`no ${what} is left`, async () => (await release.kubectl("get", what, "-o", "name")).trim() === "", 2 * minute);
}

scenario("a farm of five nodes with files", async (release) => {
  await release.install();
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  files = await release.put(3);
  networkId = (await release.views.farm(release.namespace, release.name)).status?.networkId ?? "";
  assert.match(networkId, /^[0-9a-f]{64}$/);
});

scenario("a spec that cannot be carried out leaves the last good state, says why, and is corrected by editing", async (release) => {
  const { views, namespace, name } = release;
  const nodes = await namesOf(release);
  await release.kubectl(
    "patch",
    "vf",
    name,
    "--type=merge",
    "-p",
    '{"spec":{"replicas":6,"storage":{"storageClassName":"no-such-class"}}}',
  );
  const refused = await until("the condition says so", async () => {
    const condition = conditionOf(await views.farm(namespace, name), "SpecAccepted");
    return condition?.status === "False" && condition;
  });
  assert.match(refused.message, /no-such-class/);
  assert.deepEqual(await namesOf(release), nodes);
  await release.assertKept(files);
  await release.kubectl("patch", "vf", name, "--type=merge", "-p", '{"spec":{"replicas":5,"storage":{"storageClassName":null}}}');
  await until("it is accepted", async () => conditionOf(await views.farm(namespace, name), "SpecAccepted")?.status === "True");
  await assertSameFarm(release, nodes);
});

scenario("uninstall leaves the farm running; installed again, the operator goes on with it", async (release) => {
  const nodes = await namesOf(release);
  await helm("uninstall", "vaultfarm", "-n", release.namespace, "--wait");
  // It is owned by the Deployment: the next leader waits for nobody.
  await untilGone(release, "leases");
  await release.assertKept(files);
  await release.install();
  await assertSameFarm(release, nodes);
});

scenario(
  "a second release that watches all namespaces leaves the farm to the first, says so, and takes it once that is uninstalled",
  { longer: true },
  async (release) => {
    const { namespace, name } = release;
    const nodes = await namesOf(release);
    const other = `${namespace}-second`;
    const policies = (): Promise<string> =>
      release.kubectl("get", "networkpolicies", "-o", "jsonpath={.items[*].metadata.resourceVersion}");
    const operatorOf = (): Promise<string> => release.kubectl("get", "configmap", `${name}-accepted`, "-o", "jsonpath={.data.operator}");
    const before = await policies();
    try {
      const values = imageValues(image).flatMap((value) => ["--set", value]);
      await helm("upgrade", "--install", "second", "charts/vaultfarm", "-n", other, "--create-namespace", ...values);
      const told = await until("it says so", async () => {
        const messages = await release.kubectl(
          "get",
          "events",
          "--field-selector=reason=OtherOperator",
          "-o",
          "jsonpath={.items[*].message}",
        );
        return messages !== "" && messages;
      });
      assert.ok(
        told.includes(`operator ${namespace}/vaultfarm runs this farm, so operator ${other}/second-vaultfarm leaves it alone`),
        told,
      );
      await assertSameFarm(release, nodes);
      assert.deepEqual([await policies(), await operatorOf()], [before, `${namespace}/vaultfarm`]);
      await helm("uninstall", "vaultfarm", "-n", namespace, "--wait");
      await until("the second one takes it", async () => (await operatorOf()) === `${other}/second-vaultfarm`, 3 * minute);
      await assertSameFarm(release, nodes);
    } finally {
      await helm("uninstall", "second", "-n", other, "--ignore-not-found", "--wait");
      await kubectl("delete", "namespace", other, "--ignore-not-found", "--timeout=110s");
    }
    await release.install();
    await until("the first one has it again", async () => (await operatorOf()) === `${namespace}/vaultfarm`, 3 * minute);
    await assertSameFarm(release, nodes);
  },
);

scenario("hibernate and wake: volumes and identities stay, though every address changes", async (release) => {
  const { views, namespace, name } = release;
  const nodes = await namesOf(release);
  const before = await views.pods(namespace, name);
  await release.kubectl("scale", "vf", name, "--replicas=0");
  await until("no vault pod is left", async () => (await views.pods(namespace, name)).length === 0, 3 * minute);
  await until("it says so", async () => conditionOf(await views.farm(namespace, name), "Ready")?.reason === "Hibernating");
  assert.deepEqual(await namesOf(release), nodes);
  await release.kubectl("scale", "vf", name, "--replicas=5");
  await assertSameFarm(release, nodes);
  const known = new Set(before.map(({ status }) => status.podIP));
  const after = await views.pods(namespace, name);
  for (const { status } of after) assert.equal(known.has(status.podIP), false, "a pod has an address of before");
  const joinedMs = Math.max(...after.map(readySinceMs)) - Math.max(...after.map(runningSinceMs));
  assert.ok(joinedMs <= joinWithinMs, `all were joined ${joinedMs} ms after the last pod ran`);
});

/** A pod is ready once its node has met the network; both times are the kubelet's own, to the second. */
function readySinceMs({ status }: PodView): number {
  return Date.parse(status.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "");
}

function runningSinceMs({ status }: PodView): number {
  return Date.parse(status.containerStatuses?.[0]?.state?.running?.startedAt ?? "");
}

scenario("a farm that is deleted, without an operator, and made again adopts its volumes and its network", async (release) => {
  const nodes = await namesOf(release);
  await helm("uninstall", "vaultfarm", "-n", release.namespace, "--wait");
  await release.kubectl("delete", "vf", release.name, "--wait=false");
  await release.install();
  await assertSameFarm(release, nodes);
});

scenario("a farm that is deleted keeps its volumes, and made again has the same files", async (release) => {
  const nodes = await namesOf(release);
  await release.kubectl("delete", "vf", release.name);
  await untilGone(release, "vaultnodes");
  await until("no vault pod is left", async () => (await release.views.pods(release.namespace, release.name)).length === 0, 2 * minute);
  await release.install();
  await assertSameFarm(release, nodes);
});

type Operator = {
  readonly metadata: { readonly uid: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
};

/** The operator's pods, each with how often it was started again. */
async function operatorsOf({ views, namespace }: Release): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app.kubernetes.io/component%3Doperator`;
  const pods = (await views.get<{ readonly items: readonly Operator[] }>(path))?.items ?? [];
  return pods
    .map(({ metadata, status }) => `${metadata.uid} ${status.containerStatuses?.map(({ restartCount }) => restartCount).join()}`)
    .sort();
}

scenario(
  "a namespace with a farm in it, another than the operator's, is deleted within a minute, and the operator goes on",
  async (release) => {
    const { views, name } = release;
    const namespace = `${release.namespace}-other`;
    const before = await operatorsOf(release);
    const { spec } = await views.farm(release.namespace, name);
    const items = [
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
      },
      { apiVersion: "vaultfarm.dev/v1alpha1", kind: "VaultFarm", metadata: { namespace, name: "shed" }, spec: { ...spec, replicas: 4 } },
    ];
    try {
      await runTool("kubectl", ["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) });
      await untilSettled(views, { namespace, name: "shed" }, { nodes: 4, withinMs: 5 * minute });
      await kubectl("delete", "namespace", namespace, "--timeout=60s");
    } finally {
      await kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=110s");
    }
    const left = await kubectl("get", "persistentvolumeclaims,vaultfarms,vaultnodes,pods", "-n", namespace, "-o", "name");
    assert.equal(left.trim(), "");
    assert.deepEqual(await operatorsOf(release), before);
    const nodes = await namesOf(release);
    await release.kubectl("scale", "vf", name, "--replicas=3");
    await until(
      "the operator answers a wish",
      async () => conditionOf(await views.farm(release.namespace, name), "SpecAccepted")?.reason === "FewerNodesThanCopies",
    );
    await release.kubectl("scale", "vf", name, "--replicas=5");
    await assertSameFarm(release, nodes);
  },
);

scenario("a namespace with the operator and a farm in it is deleted within a minute", async ({ namespace }) => {
  await kubectl("delete", "namespace", namespace, "--timeout=60s");
  const left = await kubectl("get", "persistentvolumeclaims,vaultnodes,pods", "-n", namespace, "-o", "name");
  assert.equal(left.trim(), "");
});
