// Repair: how long eight real nodes take to have all copies again after one is killed for good, and how many bytes move
// for each byte it held. The delay before (its copies would come back) is set to two seconds and counted apart; so is the
// time until two watchers agree. The farm is small; what counts is the ratio and the pace.

import { chunkAddress } from "../src/protocol/address.ts";
import { until } from "../test/support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../test/support/node-farm.ts";
import { noise } from "../test/support/objects.ts";
import { type Bench, type BenchOptions, type Result, summarise } from "./result.ts";

const mib = 1024 * 1024;
const chunkBytes = 4 * mib;
const chunkCount = 128;
const repairDelayMs = 2_000;
const withinMs = 600_000;
// Nobody confirms anybody in the first two minutes after a start.
const quietMs = 125_000;

type Run = { readonly lostMiB: number; readonly seconds: number; readonly ratio: number };

async function sum(nodes: readonly FarmNode[], metric: string): Promise<number> {
  const values = await Promise.all(nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

async function fill(farm: NodeFarm, round: number): Promise<void> {
  for (let i = 0; i < chunkCount; i += 1) {
    const bytes = new Uint8Array(noise(chunkBytes, round * chunkCount + i));
    await farm.client.putChunk(chunkAddress(bytes), bytes);
  }
}

async function measure(round: number): Promise<Run> {
  const startedMs = performance.now();
  const farm = await startNodeFarm({ nodes: 8, repairDelayMs, vaultCapacity: 2048 * mib });
  try {
    await fill(farm, round);
    await until("the first two minutes are over", () => performance.now() - startedMs > quietMs, withinMs);
    const copies = await sum(farm.nodes, "vaultfarm_vault_chunks");
    const [victim, ...others] = farm.nodes;
    if (victim === undefined) throw new Error("a farm without nodes");
    const lost = await victim.metric("vaultfarm_vault_chunks");
    const sentBefore = await sum(others, "vaultfarm_copies_made_bytes_total");
    await victim.kill();
    await until("repair has begun", async () => (await sum(others, "vaultfarm_copies_waiting_bytes")) > 0, withinMs);
    const begunMs = performance.now();
    await until("all copies are there again", async () => (await sum(others, "vaultfarm_vault_chunks")) >= copies, withinMs);
    const seconds = (performance.now() - begunMs) / 1000;
    const moved = (await sum(others, "vaultfarm_copies_made_bytes_total")) - sentBefore;
    return { lostMiB: (lost * chunkBytes) / mib, seconds, ratio: moved / (lost * chunkBytes) };
  } finally {
    await farm.remove();
  }
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const all: Run[] = [];
  // A run takes minutes, nearly all of it waiting.
  for (let round = 0; round < Math.min(runs, 3); round += 1) all.push(await measure(round));
  const row = (what: string, unit: string, value: (one: Run) => number): Result =>
    summarise({ bench: "repair", what, unit }, all.map(value));
  return [
    row(
      `held by the node that died, of ${(chunkCount * chunkBytes) / mib} MiB in ${chunkCount} chunks on 8 nodes`,
      "MiB",
      ({ lostMiB }) => lostMiB,
    ),
    row("from the first copy queued to all copies there again", "s", ({ seconds }) => seconds),
    row("pace of repair, all nodes together", "MiB/s", ({ lostMiB, seconds }) => lostMiB / seconds),
    row("bytes moved for each byte the dead node held (must be at most 1.1)", "×", ({ ratio }) => ratio),
  ];
}

export const bench: Bench = { name: "repair", run };
