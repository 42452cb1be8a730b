// `kubectl vaultfarm status` and `top`: what there is, and who holds how much.
import { parseQuantity } from "../../operator/api/quantity.ts";
import type { CommandWorld } from "../command-world.ts";
import type { Output } from "../output.ts";
import { type ClusterOptions, chooseFarm, listFarms, listNodes, readFarm, withCluster } from "./cluster.ts";
import { type FarmSeen, farmSeen, type NodeSeen } from "./farm-seen.ts";
import { farmTree } from "./farm-tree.ts";
import { agoText, tableText } from "./words.ts";

export type ShowOptions = ClusterOptions & { readonly output?: "json" | "wide"; readonly allNamespaces?: boolean };
export type TopOptions = ShowOptions & { readonly sort: SortKey };

export const sortKeys = ["used", "chunks", "score", "name"] as const;
export type SortKey = (typeof sortKeys)[number];

/** Shows farms as trees. Rejects with a `CommandError`. */
export async function status(world: CommandWorld, output: Output, name: string | undefined, options: ShowOptions): Promise<void> {
  await withCluster(world, options, "status", async (cluster) => {
    const everywhere = options.allNamespaces === true && name === undefined;
    const found =
      name === undefined ? await listFarms(cluster, everywhere ? undefined : cluster.namespace) : [await readFarm(cluster, name)];
    const seen: FarmSeen[] = [];
    for (const farm of found) seen.push(farmSeen(farm, await listNodes(cluster, farm)));
    output.json({ farms: seen });
    const style = { wide: options.output === "wide", nowMs: world.clock.wallMs() };
    if (seen.length > 0) output.line(seen.map((farm) => farmTree(farm, style)).join("\n\n"));
    else if (!output.isJson)
      output.note(everywhere ? "there is no VaultFarm" : `there is no VaultFarm in namespace ${cluster.namespace}; -A looks in all`);
  });
}

/** Shows the nodes of a farm, the fullest first. Rejects with a `CommandError`. */
export async function top(world: CommandWorld, output: Output, name: string | undefined, options: TopOptions): Promise<void> {
  await withCluster(world, options, "top", async (cluster) => {
    const farm = await chooseFarm(cluster, name);
    const { nodes } = farmSeen(farm, await listNodes(cluster, farm));
    const sorted = nodes.toSorted((a, b) => orders[options.sort](a, b));
    output.json({ farm: farm.metadata.name, nodes: sorted });
    output.line(topTable(sorted, { wide: options.output === "wide", nowMs: world.clock.wallMs() }));
  });
}

const bytesOf = (quantity: string | undefined): number => parseQuantity(quantity ?? "") ?? -1;
const orders: Readonly<Record<SortKey, (a: NodeSeen, b: NodeSeen) => number>> = {
  used: (a, b) => bytesOf(b.status.used) - bytesOf(a.status.used),
  chunks: (a, b) => (b.status.chunks ?? -1) - (a.status.chunks ?? -1),
  score: (a, b) => Number(b.status.score ?? -1) - Number(a.status.score ?? -1),
  name: (a, b) => (a.name < b.name ? -1 : 1),
};

function topTable(nodes: readonly NodeSeen[], { wide, nowMs }: { readonly wide: boolean; readonly nowMs: number }): string {
  const more = (cells: readonly string[]): readonly string[] => (wide ? cells : []);
  const rows = nodes.map(({ name, status, createdAt }) => {
    const [used, capacity] = [bytesOf(status.used), bytesOf(status.capacity)];
    return [
      name,
      status.zone ?? "-",
      status.used ?? "-",
      status.capacity ?? "-",
      used < 0 || capacity <= 0 ? "-" : `${Math.round((100 * used) / capacity)} %`,
      String(status.chunks ?? "-"),
      status.score ?? "-",
      ...more([String(status.atRiskIfStopped ?? "-"), status.host ?? "-", agoText(createdAt, nowMs)]),
    ];
  });
  return tableText([["NODE", "ZONE", "USED", "CAPACITY", "FULL", "CHUNKS", "SCORE", ...more(["AT-RISK", "HOST", "AGE"])], ...rows]);
}
