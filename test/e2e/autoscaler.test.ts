// Proves that an autoscaler of the cluster sets the size of a farm through its scale subresource, both ways, by a metric of
// an object: nodes come with it, go with proof, and every file stays; and that an operator needs no rights outside of the one
// namespace that it watches for that.
// Method: a custom metrics API is registered with the cluster that KUBECONFIG names; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, scenarios } from "../support/cluster-farm.ts";
import { assertFenced, watchesOwn } from "../support/cluster-rights.ts";
import { untilSettled } from "../support/cluster-views.ts";
import { metricsRefused, serveCustomMetrics } from "../support/custom-metrics.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const { scenario } = scenarios("autoscaler");
let files: readonly Kept[] = [];

/** Five of what is measured for each node, between five and seven nodes; down at once, where it would wait five minutes. */
function autoscaler(farm: string): object {
  const metric = { metric: { name: "wanted" }, describedObject: { apiVersion: "v1", kind: "Service", name: `${farm}-gateway` } };
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: farm },
    spec: {
      scaleTargetRef: { apiVersion: "vaultfarm.dev/v1alpha1", kind: "VaultFarm", name: farm },
      minReplicas: 5,
      maxReplicas: 7,
      metrics: [{ type: "Object", object: { ...metric, target: { type: "AverageValue", averageValue: "5" } } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  };
}

scenario("a farm of five nodes with files, whose operator has rights over farms in its own namespace only", async (release) => {
  await release.install(...watchesOwn(release));
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  await assertFenced(release);
  files = await release.put(11);
});

scenario(
  "an autoscaler adds a node while the metric is high, and takes one away, with proof, once it is low",
  async (release, { skip }) => {
    const { views, namespace, name } = release;
    const refused = await metricsRefused(release);
    if (refused !== undefined) {
      skip(`no autoscaler on this cluster, because ${refused}`);
      return;
    }
    const replicas = async (): Promise<number> => (await views.farm(namespace, name)).spec.replicas;
    const metrics = await serveCustomMetrics(release, 25);
    try {
      await release.apply(autoscaler(name));
      await release.kubectl("wait", "hpa", name, "--for=condition=ScalingActive", "--timeout=90s");
      await metrics.set(30);
      await until("the autoscaler wants six nodes", async () => (await replicas()) === 6, 2 * minute);
      await untilSettled(views, release, { nodes: 6, withinMs: 3 * minute });
      await release.assertKept(files);
      const more = await release.put(12);
      await metrics.set(1);
      await until("the autoscaler wants five nodes", async () => (await replicas()) === 5, 2 * minute);
      const nodes = await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
      assert.equal(nodes.length, 5);
      await release.assertKept([...files, ...more]);
    } finally {
      await metrics.remove();
    }
  },
);
