// The metrics of keeping copies: what waits, by the copies that chunks have left, what was moved, how long it will take.
import type { CopiesPolicy } from "../protocol/genesis.ts";
import type { CopyFigures } from "../protocol/node-figures.ts";
import type { MetricsRegistry, Reading } from "../runtime/metrics-registry.ts";
import { copiesSpared, copyFailures, type ReplicationEvents } from "./replication/replication-events.ts";
import type { ReplicationProgress } from "./replication/replicator.ts";

/** Makes what is counted at events. */
export function createReplicationCounters(registry: MetricsRegistry): ReplicationEvents {
  const copies = registry.counter({
    name: "vaultfarm_copies_made_total",
    help: "Copies this node made on other nodes, with a receipt each: repair where there were too few, placement for a vault that joins",
    labels: ["why"],
  });
  const bytes = registry.counter({ name: "vaultfarm_copies_made_bytes_total", help: "Bytes of the copies made", labels: ["why"] });
  const spared = registry.counter({
    name: "vaultfarm_copies_spared_total",
    help: "Copies not sent, since the receiver said that it has the chunk (held) or that another node is sending it (coming)",
    labels: ["why"],
  });
  const sparedBytes = registry.counter({
    name: "vaultfarm_copies_spared_bytes_total",
    help: "Bytes of the copies not sent, by what the receiver said",
    labels: ["why"],
  });
  const failed = registry.counter({
    name: "vaultfarm_copies_failed_total",
    help: "Copies that could not be made: no proper answer, or refused by the vault",
    labels: ["why"],
  });
  const trimmed = registry.counter({
    name: "vaultfarm_copies_dropped_total",
    help: "Own copies that were one too many, dropped after the proofs of enough others",
    labels: [],
  });
  for (const why of ["repair", "placement"]) {
    copies.add({ why }, 0);
    bytes.add({ why }, 0);
  }
  for (const why of copiesSpared) {
    spared.add({ why }, 0);
    sparedBytes.add({ why }, 0);
  }
  for (const why of copyFailures) failed.add({ why }, 0);
  return {
    copied: (why, count, size) => {
      copies.add({ why }, count);
      bytes.add({ why }, size);
    },
    spared: (why, count, size) => {
      spared.add({ why }, count);
      sparedBytes.add({ why }, size);
    },
    copyFailed: (why, count) => failed.add({ why }, count),
    trimmed: (count) => trimmed.add({}, count),
  };
}

export type ReplicationFigures = {
  copies(): ReplicationProgress | undefined;
  /** What this node publishes of the chunks that it counts; null where it counts none. */
  counted(): Pick<CopyFigures, "live" | "onLeavers"> | null;
  readonly policy: CopiesPolicy;
};

/** Makes what is read at each scrape. */
export function registerReplicationFigures(registry: MetricsRegistry, { copies, counted, policy }: ReplicationFigures): void {
  registry.gaugeOf(
    {
      name: "vaultfarm_below_target_copies",
      help: "Copies this node is about to make, by the live copies their chunks have now on nodes that stay: work, which a drain makes too",
      labels: ["copies"],
    },
    () => {
      const waiting = copies()?.repairs ?? new Map<number, number>();
      return Array.from(
        { length: policy.target },
        (_, have): Reading<"copies"> => ({ labels: { copies: String(have) }, value: waiting.get(have) ?? 0 }),
      );
    },
  );
  registry.gaugeOf(
    {
      name: "vaultfarm_chunks_below_min",
      help: "Chunks this node counts that have fewer live copies than promised, those on nodes that leave among them as long as these run; 0 from its start until it has looked at all its chunks once",
      labels: [],
    },
    () => {
      const figures = counted();
      return figures === null ? [] : [{ labels: {}, value: belowMinOf(figures, policy.min) }];
    },
  );
  const one = (name: string, help: string, read: (progress: ReplicationProgress) => number): void =>
    registry.gaugeOf({ name, help, labels: [] }, () => {
      const progress = copies();
      return progress === undefined ? [] : [{ labels: {}, value: read(progress) }];
    });
  one("vaultfarm_placement_copies", "Copies this node is about to make for vaults that join", ({ placements }) => placements);
  one("vaultfarm_copies_waiting_bytes", "Bytes of all copies this node is about to make", ({ bytes }) => bytes);
  one("vaultfarm_copies_in_flight", "Copies on their way to other nodes", ({ inFlight }) => inFlight);
  one(
    "vaultfarm_repair_eta_seconds",
    "How long what waits will take at this node's pace; 0 where nothing waits",
    ({ etaSeconds }) => etaSeconds ?? 0,
  );
}

function belowMinOf({ live, onLeavers = 0 }: Pick<CopyFigures, "live" | "onLeavers">, min: number): number {
  return live.slice(0, min).reduce((sum, chunks) => sum + chunks, 0) - onLeavers;
}
