// Proves that the objects of several caches of one resource, as of several namespaces, are one number.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { createKubeMetrics } from "./metrics.ts";

test("the objects of all caches of a resource are summed, whichever was filled or told last", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  const { reflector } = createKubeMetrics(registry);
  const [first, second, machines] = [reflector("pods"), reflector("pods"), reflector("nodes")];
  machines.listed(3, 0.1);
  first.listed(20, 0.1);
  second.listed(4, 0.1);
  second.objects(5);
  const lines = (await registry.text()).split("\n");
  for (const line of [
    'reflector_objects{resource="pods"} 25',
    'reflector_objects{resource="nodes"} 3',
    'reflector_lists_total{resource="pods"} 2',
  ])
    assert.ok(lines.includes(line), line);
});
