// Measures what it costs to take a node with a GiB out of a farm of five: time from the deletion of its record until it is
// gone, and the bytes that nodes copied for it. Proves that every file is the same afterwards; the figures are printed.
// Method: the chart and the image on the cluster that KUBECONFIG names; nodes' own metrics, asked every two seconds.
import { strict as assert } from "node:assert";
import { type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { openToApiServer } from "../support/cluster-probes.ts";
import { conditionOf, type NodeView, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { sumOf } from "../support/node-metrics.ts";

const minute = 60_000;
const mib = 2 ** 20;
/** Each put of the release's files is 33 MiB and a little. */
const puts = 31;
const sampledEveryMs = 2000;
const longer = { longer: true };
const { scenario } = scenarios("figures");
const files: Kept[] = [];

/** The newest value of a counter of each pod, of those too that are gone since. */
type Counters = Map<string, number>;

async function sample({ views, namespace, name }: Release, metric: string, counters: Counters): Promise<void> {
  const pods = await views.pods(namespace, name);
  await Promise.all(
    pods.map(async ({ metadata }) => {
      // One that starts or goes says nothing.
      const samples = await views.metrics(namespace, metadata.name).catch(() => undefined);
      if (samples !== undefined) counters.set(metadata.uid, sumOf(samples, metric));
    }),
  );
}

function total(counters: Counters): number {
  return [...counters.values()].reduce((sum, value) => sum + value, 0);
}

/** Seconds after the deletion at which each step was first seen. */
type Steps = { handedOver?: number; released?: number };

scenario("a farm of five nodes with a GiB", longer, async (release) => {
  await release.install("farm.spec.vaultCapacity=1Gi");
  await openToApiServer(release);
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  for (let seed = 41; seed < 41 + puts; seed += 1) files.push(...(await release.put(seed)));
});

scenario("a node with a GiB is taken out: how long that takes, and what is moved for it", longer, async (release) => {
  const { views, namespace, name } = release;
  const nodes = await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
  const [victim] = nodes;
  assert.ok(victim);
  const held = sumOf(await views.metrics(namespace, victim), "vaultfarm_disk_bytes", 'kind="live"');
  const copied: Counters = new Map();
  await sample(release, "vaultfarm_copies_made_bytes_total", copied);
  const before = total(copied);
  const beganMs = performance.now();
  const seconds = (): number => (performance.now() - beganMs) / 1000;
  const steps: Steps = {};
  let sampledMs = beganMs;
  const note = (node: NodeView): void => {
    if (conditionOf(node, "Draining")?.reason === "ProvingCopies") steps.handedOver ??= seconds();
    if (node.spec.assigned?.released === true) steps.released ??= seconds();
  };
  await release.kubectl("delete", "vn", victim, "--wait=false");
  await until(
    "its record is gone",
    async () => {
      const node = (await views.nodes(namespace, name)).find(({ metadata }) => metadata.name === victim);
      if (node === undefined) return true;
      note(node);
      if (performance.now() - sampledMs < sampledEveryMs) return false;
      sampledMs = performance.now();
      await sample(release, "vaultfarm_copies_made_bytes_total", copied);
      return false;
    },
    15 * minute,
  );
  const gone = seconds();
  await sample(release, "vaultfarm_copies_made_bytes_total", copied);
  const moved = total(copied) - before;
  const said = [
    `held ${(held / mib).toFixed(0)} MiB`,
    `handed over after ${steps.handedOver?.toFixed(1) ?? "?"} s`,
    `proven after ${steps.released?.toFixed(1) ?? "?"} s`,
    `gone after ${gone.toFixed(1)} s`,
    `moved ${(moved / mib).toFixed(0)} MiB, ${(moved / held).toFixed(2)} of what it held`,
  ];
  process.stdout.write(`FIGURES of a drain: ${said.join("; ")}\n`);
  assert.ok(held > 1000 * mib && moved > 0);
  await untilSettled(views, release, { nodes: 5, withinMs: 3 * minute });
  await release.assertKept(files);
});
