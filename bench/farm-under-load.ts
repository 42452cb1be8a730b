// A real farm for benches, started by the real command with the layout of the sample `attic` (8 nodes with 3 vaults each,
// 2 gateways), and what all its processes cost while something is done with it.

import { until } from "../test/support/deadline.ts";
import { type Farm, startFarm } from "../test/support/farm.ts";
import { cpuSeconds } from "./process-cost.ts";

export const mib: number = 1024 * 1024;

/** Wall seconds, and CPU seconds of all processes of the farm. */
export type Cost = { readonly wallS: number; readonly cpuS: number };

export type BenchFarm = {
  readonly farm: Farm;
  /** Every process: nodes, gateways, and the command that started them. */
  readonly pids: readonly number[];
  readonly gatewayPids: readonly number[];
  readonly nodePids: readonly number[];
  /** Does `action`, waits until every chunk has all its copies, and gives the cost: wall time until `action` ended, CPU of the whole. */
  measure(action: () => Promise<void>): Promise<Cost>;
};

// More than the sample's 512 MiB, so that all rounds of a bench fit at the same fill.
const capacity = "2Gi";

/** Starts the farm; remove it when done. */
export async function startBenchFarm(vaultCapacity: string = capacity): Promise<BenchFarm> {
  const farm = await startFarm({ vaultsPerNode: 3, vaultCapacity });
  const known = (pid: number | null): number => pid ?? 0;
  const nodePids = farm.view.nodes.map(({ pid }) => known(pid));
  const gatewayPids = farm.view.gateways.map(({ pid }) => known(pid));
  const pids = [...nodePids, ...gatewayPids, farm.upPid];
  const measure = async (action: () => Promise<void>): Promise<Cost> => {
    const before = cpuSeconds(pids);
    const begun = performance.now();
    await action();
    const wallS = (performance.now() - begun) / 1000;
    await allCopies(farm);
    return { wallS, cpuS: cpuSeconds(pids) - before };
  };
  return { farm, pids, gatewayPids, nodePids, measure };
}

/** Waits until no gateway knows of a chunk with fewer copies than intended: a put is acknowledged before its last copy. */
async function allCopies(farm: Farm): Promise<void> {
  for (const { url } of farm.view.gateways)
    await until("every chunk has all its copies", async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return /^vaultfarm_gateway_chunks_below_target 0$/m.test(metrics);
    });
}
