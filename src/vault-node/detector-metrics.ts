// The metrics of the failure detector: suspicions, those that were wrong by cause, own lateness, dropped datagrams.
import { falseCauses } from "../network/detector/false-causes.ts";
import { dropReasons, type PulseEvent } from "../network/detector/pulse.ts";
import type { NodeView } from "../network/directory.ts";
import { nodeViews } from "../protocol/states.ts";
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";

// From just above the shortest window to the longest of the profile for slow paths.
const silenceBuckets = [0.01, 0.014, 0.016, 0.018, 0.02, 0.025, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Makes them, and returns where the detector's events go. */
export function createDetectorMetrics(registry: MetricsRegistry): (event: PulseEvent) => void {
  const silence = registry.histogram(
    {
      name: "vaultfarm_suspicion_silence_seconds",
      help: "Time since the last heartbeat of a node when this node suspected it",
      labels: [],
    },
    silenceBuckets,
  );
  const suspected = registry.counter({
    name: "vaultfarm_suspicions_total",
    help: "Suspicions by this node's own watching; free to take back",
    labels: [],
  });
  const refuted = registry.counter({
    name: "vaultfarm_false_suspicions_total",
    help: "Suspicions taken back because the node was heard again: it stood still, its heartbeats were lost, or came late",
    labels: ["cause"],
  });
  const late = registry.counter({
    name: "vaultfarm_self_late_total",
    help: "Silences that said nothing, since this node itself was more than half a window late",
    labels: [],
  });
  const spared = registry.counter({
    name: "vaultfarm_suspicions_spared_total",
    help: "Silences given a third of a window more, since this node itself was a little late",
    labels: [],
  });
  const paused = registry.counter({ name: "vaultfarm_detector_pauses_total", help: "Times the heartbeat thread slept", labels: [] });
  const dropped = registry.counter({
    name: "vaultfarm_heartbeats_dropped_total",
    help: "Datagrams, or words in them, that were not believed",
    labels: ["reason"],
  });
  suspected.add({}, 0);
  for (const cause of falseCauses) refuted.add({ cause }, 0);
  for (const reason of dropReasons) dropped.add({ reason }, 0);
  return (event) => {
    if (event.kind === "suspected") {
      suspected.add({});
      silence.observe({}, event.silentMs / 1000);
    } else if (event.kind === "refuted") refuted.add({ cause: event.cause });
    else if (event.kind === "self-late") late.add({});
    else if (event.kind === "spared") spared.add({}, event.count);
    else if (event.kind === "paused") paused.add({});
    else if (event.kind === "dropped") dropped.add({ reason: event.reason });
  };
}

/** How many nodes this one sees in which way; `confirmed`: suspected by agreement. */
export function registerViewFigures(registry: MetricsRegistry, nodes: () => readonly NodeView[]): void {
  registry.gaugeOf({ name: "vaultfarm_nodes", help: "Nodes as this one sees them, itself among them", labels: ["view"] }, () =>
    nodeViews.map((view) => ({ labels: { view }, value: nodes().filter(({ state }) => state === view).length })),
  );
  registry.gaugeOf({ name: "vaultfarm_nodes_confirmed_silent", help: "Suspected nodes that two watchers agree on", labels: [] }, () => [
    { labels: {}, value: nodes().filter(({ state, confirmed }) => state === "suspected" && confirmed).length },
  ]);
}
