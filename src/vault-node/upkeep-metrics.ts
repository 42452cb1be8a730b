// The metrics of upkeep, counted at events and read at each scrape. No label comes from the network: which peer it was
// stands in the status, not here.

import { peerFaults } from "../protocol/peer-faults.ts";
import { type Standing, standings } from "../protocol/standing.ts";
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";
import { auditVerdicts } from "./audit/auditor.ts";
import { compareFailures } from "./reconciliation/comparer.ts";
import type { UpkeepEvents } from "./upkeep-events.ts";

/** What is read at each scrape. */
export type UpkeepFigures = {
  /** Vaults of other nodes by their standing here. */
  standings(): Readonly<Record<Standing, number>>;
  /** Vaults of others whose conduct falls. */
  falling(): number;
  /** Nodes whose copies are not counted. */
  distrusted(): ReadonlySet<unknown>;
  scrubLagMs(): number;
};

/** Makes the metrics that are counted at events; every series exists from the start. */
export function createUpkeepCounters(registry: MetricsRegistry): UpkeepEvents {
  const comparisons = registry.counter({
    name: "vaultfarm_comparisons_total",
    help: "Comparisons of holdings with a peer, by outcome",
    labels: ["outcome"],
  });
  const comparisonBytes = registry.counter({
    name: "vaultfarm_comparison_bytes_total",
    help: "Bytes exchanged to compare, both ways",
    labels: [],
  });
  const differences = registry.counter({
    name: "vaultfarm_chunk_differences_total",
    help: "Chunks found to be missing here, or at a peer; counted at each comparison until mended",
    labels: ["missing"],
  });
  const audits = registry.counter({
    name: "vaultfarm_audited_chunks_total",
    help: "Chunks that peers were challenged for",
    labels: ["verdict"],
  });
  const faults = registry.counter({
    name: "vaultfarm_peer_faults_total",
    help: "Faults of peers; the status says whose",
    labels: ["fault"],
  });
  const scrubbed = registry.counter({
    name: "vaultfarm_scrubbed_chunks_total",
    help: "Own chunks read again in the background",
    labels: ["result"],
  });
  const spoilt = registry.counter({
    name: "vaultfarm_spoilt_chunks_total",
    help: "Own chunks found rotten, whoever read them, and reported for replacement",
    labels: [],
  });
  const scrubbedBytes = registry.counter({ name: "vaultfarm_scrubbed_bytes_total", help: "Bytes of chunks read again", labels: [] });
  for (const outcome of ["compared", ...compareFailures]) comparisons.add({ outcome }, 0);
  for (const missing of ["here", "there"]) differences.add({ missing }, 0);
  for (const verdict of auditVerdicts) audits.add({ verdict }, 0);
  for (const fault of peerFaults) faults.add({ fault }, 0);
  for (const result of ["sound", "spoilt"]) scrubbed.add({ result }, 0);
  return {
    compared: (outcome, { onlyMine, onlyTheirs }) => {
      comparisons.add({ outcome: outcome.kind === "compared" ? "compared" : outcome.code });
      comparisonBytes.add({}, outcome.bytes);
      differences.add({ missing: "there" }, onlyMine.length);
      differences.add({ missing: "here" }, onlyTheirs.length);
    },
    audited: (verdict, count) => audits.add({ verdict }, count),
    peerFaulted: (fault) => faults.add({ fault }),
    chunkSpoilt: () => spoilt.add({}),
    scrubbed: (bytes) => {
      scrubbed.add({ result: bytes === undefined ? "spoilt" : "sound" });
      scrubbedBytes.add({}, bytes ?? 0);
    },
  };
}

/** Makes the metrics that are read at each scrape. */
export function registerUpkeepFigures(registry: MetricsRegistry, figures: UpkeepFigures): void {
  registry.gaugeOf(
    { name: "vaultfarm_peer_vaults", help: "Vaults of other nodes by their conduct as seen from here", labels: ["standing"] },
    () => {
      const counts = figures.standings();
      return standings.map((standing) => ({ labels: { standing }, value: counts[standing] }));
    },
  );
  registry.gaugeOf(
    {
      name: "vaultfarm_falling_vaults",
      help: "Vaults of other nodes whose conduct will be below 0.8 in a week, if it goes on as in the last seven days",
      labels: [],
    },
    () => [{ labels: {}, value: figures.falling() }],
  );
  registry.gaugeOf(
    {
      name: "vaultfarm_distrusted_nodes",
      help: "Nodes whose copies this one does not count: they did not show what they claim",
      labels: [],
    },
    () => [{ labels: {}, value: figures.distrusted().size }],
  );
  registry.gaugeOf({ name: "vaultfarm_scrub_lag_seconds", help: "How far the scrub is behind its seven-day round", labels: [] }, () => [
    { labels: {}, value: figures.scrubLagMs() / 1000 },
  ]);
}
