// Proves that metrics appear in the text of a scrape with their labels, read anew where asked, and are listed.
// Method: a registry of its own, its text compared.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMetricsRegistry } from "./metrics-registry.ts";

test("counters, gauges and histograms appear with their labels", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  registry.counter({ name: "put_total", help: "Puts", labels: ["reason"] }).add({ reason: "full" }, 2);
  registry.gauge({ name: "size_bytes", help: "Size", labels: [] }).set({}, 7);
  registry.histogram({ name: "wait_seconds", help: "Wait", labels: [] }, [0.1, 1]).observe({}, 0.5);
  const text = await registry.text();
  assert.match(text, /^put_total\{reason="full"\} 2$/m);
  assert.match(text, /^size_bytes 7$/m);
  assert.match(text, /^wait_seconds_bucket\{le="1"\} 1$/m);
  assert.deepEqual(
    registry.list().map(({ name, type }) => `${type} ${name}`),
    ["counter put_total", "gauge size_bytes", "histogram wait_seconds"],
  );
});

test("a read gauge or counter shows what is there at the scrape, and nothing that is gone", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  let vaults = ["a", "b"];
  registry.gaugeOf({ name: "used_bytes", help: "Used", labels: ["vault"] }, () => vaults.map((vault) => ({ labels: { vault }, value: 1 })));
  registry.counterOf({ name: "seen_total", help: "Seen", labels: [] }, () => [{ labels: {}, value: vaults.length }]);
  assert.match(await registry.text(), /used_bytes\{vault="b"\} 1/);
  vaults = ["a"];
  const text = await registry.text();
  assert.doesNotMatch(text, /vault="b"/);
  assert.match(text, /^seen_total 1$/m);
});

test("a histogram kept elsewhere shows its buckets one on top of the other", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  registry.histogramOf({ name: "wait_seconds", help: "Wait", labels: ["route"] }, [0.1, 1], () => [
    { labels: { route: "/a" }, counts: [2, 3, 1], sum: 5.5 },
  ]);
  const text = await registry.text();
  assert.match(text, /^# TYPE wait_seconds histogram$/m);
  for (const [le, value] of [
    ["0.1", 2],
    ["1", 5],
    ["\\+Inf", 6],
  ])
    assert.match(text, new RegExp(`^wait_seconds_bucket\\{(route="/a",le="${le}"|le="${le}",route="/a")\\} ${value}$`, "m"));
  assert.match(text, /^wait_seconds_sum\{route="\/a"\} 5\.5$/m);
  assert.match(text, /^wait_seconds_count\{route="\/a"\} 6$/m);
});

test("process metrics are there where asked for", async () => {
  const text = await createMetricsRegistry({ processMetrics: true }).text();
  assert.match(text, /^process_resident_memory_bytes \d/m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});
