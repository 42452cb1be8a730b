// Proves that the operator's metrics, those of its machinery among them, are those of the document, and what its own show.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createMetricsRegistry } from "../runtime/metrics-registry.ts";
import { createKubeMetrics } from "./kube/index.ts";
import { createOperatorMetrics } from "./metrics.ts";

test("every metric has its row in the document, and the document has no other", () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  createKubeMetrics(registry);
  createOperatorMetrics(registry);
  const text = readFileSync(new URL("../../docs/metrics-operator.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^\| `(\w+)` \| ([\w, ]*) ?\|/gm)].map(([, name, labels = ""]) => `${name}: ${labels.trim()}`);
  assert.deepEqual(
    documented.sort(),
    registry
      .list()
      .map(({ name, labels }) => `${name}: ${labels.join(", ")}`)
      .sort(),
  );
});

test("farms of all watched namespaces are counted by condition, and their nodes summed", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  const metrics = createOperatorMetrics(registry);
  metrics.watchFarms(() => [{ wanted: 5, made: 5, ready: 4, conditions: [{ type: "Ready", status: "False" }] }]);
  metrics.watchFarms(() => [{ wanted: 6, made: 6, ready: 6, conditions: [{ type: "Ready", status: "True" }] }]);
  metrics.acted("remove-node");
  metrics.proved("confirmed");
  const lines = (await registry.text()).split("\n");
  for (const line of [
    "vaultfarm_operator_farms 2",
    'vaultfarm_operator_farm_conditions{condition="Ready",status="False"} 1',
    'vaultfarm_operator_farm_conditions{condition="Ready",status="True"} 1',
    'vaultfarm_operator_nodes{state="wanted"} 11',
    'vaultfarm_operator_nodes{state="ready"} 10',
    'vaultfarm_operator_actions_total{action="remove-node"} 1',
    'vaultfarm_operator_proofs_total{outcome="confirmed"} 1',
  ])
    assert.ok(lines.includes(line), line);
});
