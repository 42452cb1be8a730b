// `kubectl vaultfarm status`: what there is.
import type { CommandWorld } from "../command-world.ts";
import type { Output } from "../output.ts";
import { type ClusterOptions, listFarms, listNodes, readFarm, withCluster } from "./cluster.ts";
import { type FarmSeen, farmSeen } from "./farm-seen.ts";
import { farmTree } from "./farm-tree.ts";

export type ShowOptions = ClusterOptions & { readonly allNamespaces?: boolean };

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
