// Names of farms and nodes for completion: quickly, and none where the cluster cannot be asked.
import { farms, nodeRecords } from "../../operator/cluster/resources.ts";
import type { Resource } from "../../operator/kube/index.ts";
import type { CommandWorld } from "../command-world.ts";
import { type ClusterOptions, withCluster } from "./cluster.ts";

/** A person who pressed Tab waits no longer, milliseconds. */
const askMs = 2000;

/** Names of the farms of the namespace. */
export async function farmNames(world: CommandWorld, options: ClusterOptions): Promise<readonly string[]> {
  return namesOf(world, options, farms);
}

/** Names of its vault nodes. */
export async function nodeNames(world: CommandWorld, options: ClusterOptions): Promise<readonly string[]> {
  return namesOf(world, options, nodeRecords);
}

async function namesOf(world: CommandWorld, options: ClusterOptions, resource: Resource): Promise<readonly string[]> {
  let names: readonly string[] = [];
  const ask = withCluster(world, options, "status", async ({ client, namespace }) => {
    const listed = await client.list(resource, { namespace, timeoutMs: askMs, attempts: 1 });
    if (listed.ok) names = listed.value.items.map(({ metadata }) => metadata.name);
  });
  // Words beside the answer would end up in what is being typed.
  await ask.catch(() => undefined);
  return names;
}
