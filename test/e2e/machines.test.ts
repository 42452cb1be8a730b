// Proves that a farm lives through what happens to the machines under it and beside another farm: `kubectl drain` moves its
// nodes before it ends, a machine that loses its power costs no file, and a second farm of a namespace is a farm of its own.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, notShown, scenarios } from "../support/cluster-farm.ts";
import { busiestMachine, onlyMachine, power, powerless } from "../support/cluster-machines.ts";
import { kubectl, runTool } from "../support/cluster-tools.ts";
import { conditionOf, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const { scenario } = scenarios("machines");
let files: readonly Kept[] = [];

scenario("a farm of five nodes with files", async (release) => {
  await release.install();
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  files = await release.put(7);
});

scenario("two farms side by side: each has its network, its files and its own way", async (release) => {
  const { views, namespace, name } = release;
  const loft = { namespace, name: "loft" };
  const { spec } = await views.farm(namespace, name);
  await release.apply({
    apiVersion: "vaultfarm.dev/v1alpha1",
    kind: "VaultFarm",
    metadata: { name: loft.name },
    spec: { ...spec, replicas: 4 },
  });
  await untilSettled(views, loft, { nodes: 4, withinMs: 5 * minute });
  const others = await release.put(8, loft.name);
  await release.assertKept(others, loft.name);
  await release.assertKept(files);
  const networks = await Promise.all([name, loft.name].map(async (farm) => (await views.farm(namespace, farm)).status?.networkId));
  assert.notEqual(networks[0], networks[1]);
  assert.match(await release.plugin("destroy", loft.name, "--yes-delete-data"), /loft is destroyed/);
  await until("the pods of the second are gone", async () => (await views.pods(namespace, loft.name)).length === 0, 3 * minute);
  const kinds = "vaultfarms,vaultnodes,pods,persistentvolumeclaims,secrets,configmaps";
  await until(
    "nothing is left of it",
    async () => (await release.kubectl("get", kinds, "-l", `vaultfarm.dev/farm=${loft.name}`, "-o", "name")) === "",
    minute,
  );
  await untilSettled(views, release, { nodes: 5, withinMs: minute });
  await release.assertKept(files);
});

scenario(
  "kubectl drain of a machine ends once its nodes have handed over and others took their place",
  { takesMinutes: true },
  async (release, { skip }) => {
    const { views, namespace, name } = release;
    const busiest = await busiestMachine(release);
    if (busiest === undefined) {
      skip(onlyMachine);
      return;
    }
    const { machine, pods } = busiest;
    try {
      const selector = `--pod-selector=vaultfarm.dev/farm=${name}`;
      const flags = ["--ignore-daemonsets", "--delete-emptydir-data", selector, "--timeout=10m"];
      await runTool("kubectl", ["drain", machine, ...flags], { withinMs: 11 * minute });
      await untilSettled(views, release, { nodes: 5, withinMs: 4 * minute });
      const now = await views.pods(namespace, name);
      assert.ok(now.every(({ spec }) => spec.nodeName !== machine));
      assert.ok(pods.every(({ metadata }) => !now.some((pod) => pod.metadata.name === metadata.name)));
      await release.assertKept(files);
    } finally {
      await kubectl("uncordon", machine);
    }
  },
);

if (power !== undefined) {
  const { cut, restore } = power;
  scenario(
    "a machine that loses its power costs no file, and its nodes come back with it",
    { takesMinutes: true },
    async (release, { skip }) => {
      const { views, namespace, name } = release;
      const busiest = await busiestMachine(release);
      if (busiest === undefined) {
        skip(onlyMachine);
        return;
      }
      const { machine, pods } = busiest;
      try {
        await cut(machine);
        await until("it is seen", async () => conditionOf(await views.farm(namespace, name), "Degraded")?.status === "True", 3 * minute);
        await release.assertKept(files);
      } finally {
        await restore(machine);
      }
      const nodes = await untilSettled(views, release, { nodes: 5, withinMs: 6 * minute });
      assert.ok(pods.every(({ metadata }) => nodes.includes(metadata.name)));
      await release.assertKept(files);
    },
  );
} else notShown("a machine that loses its power", powerless);
