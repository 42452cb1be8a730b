// Every metric of a vault node: name, meaning, labels. No label comes from the network: vaults of this node by short
// name, reasons from closed sets. Addresses, PeerIds and IPs never.
import { type MissingReason, missingReasons } from "../protocol/messages/get-chunks.ts";
import { type RefusalReason, refusalReasons } from "../protocol/receipt.ts";
import { type VaultState, vaultStates } from "../protocol/states.ts";
import type { MetricsRegistry, Reading } from "../runtime/metrics-registry.ts";
import type { DiskUsage, StoreHealth } from "./chunk-store/chunk-store.ts";
import { type HandlerErrorCode, handlerErrorCodes } from "./errors.ts";
import { shortName } from "./hosted-vault.ts";
import type { NodeEvents } from "./node-events.ts";
import { createUpkeepCounters, registerUpkeepFigures, type UpkeepFigures } from "./upkeep-metrics.ts";
import type { VaultCondition } from "./vault-conditions.ts";

/** What is read at each scrape. */
export type NodeFigures = {
  vaults(): readonly VaultCondition[];
  disk(): Promise<DiskUsage>;
  storeHealth(): StoreHealth;
  connections(): number;
  directoryNodes(): number;
  pointers(): number;
  ready(): boolean;
  startCounter: number;
  upkeep: UpkeepFigures;
};

// From a hit in the page cache to a slow disk under load.
const storePutBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Makes the metrics that are counted at events. Every series of a closed set exists from the start, so that a rate is never missing. */
export function createNodeCounters(registry: MetricsRegistry): NodeEvents {
  const puts = registry.counter({
    name: "vaultfarm_put_chunks_total",
    help: "Chunks acknowledged with a receipt: stored now, or held before",
    labels: ["vault", "outcome"],
  });
  const putBytes = registry.counter({ name: "vaultfarm_put_bytes_total", help: "Bytes of chunks stored", labels: ["vault"] });
  const refused = registry.counter({
    name: "vaultfarm_refused_chunks_total",
    help: "Chunks refused with a signed refusal",
    labels: ["reason"],
  });
  const gets = registry.counter({ name: "vaultfarm_get_chunks_total", help: "Chunks served", labels: [] });
  const getBytes = registry.counter({ name: "vaultfarm_get_bytes_total", help: "Bytes of chunks served", labels: [] });
  const missed = registry.counter({ name: "vaultfarm_missed_chunks_total", help: "Chunks asked for and not served", labels: ["reason"] });
  const pointed = registry.counter({
    name: "vaultfarm_pointed_chunks_total",
    help: "Chunks asked for that are not here, answered with who took them",
    labels: [],
  });
  const damaged = registry.counter({
    name: "vaultfarm_damaged_chunks_total",
    help: "Chunks found damaged on disk; never served",
    labels: ["vault"],
  });
  const rejected = registry.counter({ name: "vaultfarm_rejected_requests_total", help: "Requests without an answer", labels: ["code"] });
  const storePut = registry.histogram(
    {
      name: "vaultfarm_store_put_duration_seconds",
      help: "One group commit as its callers wait for it: data and index synced",
      labels: [],
    },
    storePutBuckets,
  );
  for (const reason of refusalReasons) refused.add({ reason }, 0);
  for (const reason of missingReasons) missed.add({ reason }, 0);
  for (const code of handlerErrorCodes) rejected.add({ code }, 0);
  return {
    ...createUpkeepCounters(registry),
    chunksKept: (name, { stored, held, bytes }) => {
      const vault = shortName(name);
      puts.add({ vault, outcome: "stored" }, stored);
      puts.add({ vault, outcome: "held" }, held);
      putBytes.add({ vault }, bytes);
    },
    chunksRefused: (reason: RefusalReason, count) => refused.add({ reason }, count),
    chunksServed: (count, bytes) => {
      gets.add({}, count);
      getBytes.add({}, bytes);
    },
    chunksMissed: (reason: MissingReason, count) => missed.add({ reason }, count),
    chunksPointed: (count) => pointed.add({}, count),
    chunkDamaged: (vault) => damaged.add({ vault: shortName(vault) }),
    requestRejected: (code: HandlerErrorCode) => rejected.add({ code }),
    storePutTook: (seconds) => storePut.observe({}, seconds),
  };
}

/** Makes the metrics that are read at each scrape. */
export function registerNodeFigures(registry: MetricsRegistry, figures: NodeFigures): void {
  registerVaultFigures(registry, figures);
  registerDiskFigures(registry, figures);
  registerUpkeepFigures(registry, figures.upkeep);
  const one = (name: string, help: string, read: () => number): void =>
    registry.gaugeOf({ name, help, labels: [] }, () => [{ labels: {}, value: read() }]);
  one("vaultfarm_connections", "Open connections to peers", figures.connections);
  one("vaultfarm_directory_nodes", "Nodes in the directory, this one among them", figures.directoryNodes);
  one("vaultfarm_pointers", "Chunks that found no room here, of which it is known who took them", figures.pointers);
  one("vaultfarm_ready", "1 where the node is ready: store open, and joined or founder", () => Number(figures.ready()));
  one("vaultfarm_start_counter", "How often a process was started on this volume", () => figures.startCounter);
}

function registerVaultFigures(registry: MetricsRegistry, { vaults }: NodeFigures): void {
  const each = (name: string, help: string, read: (condition: VaultCondition) => number): void =>
    registry.gaugeOf({ name, help, labels: ["vault"] }, () =>
      vaults().map((condition) => ({ labels: { vault: shortName(condition.vault.name) }, value: read(condition) })),
    );
  each("vaultfarm_vault_capacity_bytes", "Declared capacity", ({ vault }) => vault.capacity);
  each("vaultfarm_vault_used_bytes", "Used of the declared capacity, overhead included", ({ used }) => used);
  each("vaultfarm_vault_chunks", "Chunks held", ({ chunks }) => chunks);
  registry.gaugeOf({ name: "vaultfarm_vault_state", help: "1 for the state the vault is in", labels: ["vault", "state"] }, () =>
    vaults().flatMap(stateReadings),
  );
}

function stateReadings({ vault, state }: VaultCondition): readonly Reading<"vault" | "state">[] {
  const value = (known: VaultState): number => Number(known === state);
  return vaultStates.map((known) => ({ labels: { vault: shortName(vault.name), state: known }, value: value(known) }));
}

function registerDiskFigures(registry: MetricsRegistry, { disk, storeHealth }: NodeFigures): void {
  registry.gaugeOf(
    {
      name: "vaultfarm_disk_bytes",
      help: "The disk: live chunk bytes, dead ones not yet compacted, overhead, free and total of the file system",
      labels: ["kind"],
    },
    async () => Object.entries(await disk()).map(([kind, value]) => ({ labels: { kind }, value })),
  );
  registry.gaugeOf(
    { name: "vaultfarm_store_writable", help: "1 where the store takes writes, 0 where it is read-only", labels: [] },
    () => [{ labels: {}, value: Number(storeHealth().mode === "writable") }],
  );
}
