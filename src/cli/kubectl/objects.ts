// `kubectl vaultfarm put` and `get`: through the API server to the farm's gateways, streaming both ways, so that nothing of
// the farm needs to be reachable from outside the cluster.

import { serviceProxy } from "../../operator/kube/index.ts";
import { objectNames } from "../../operator/manifests/names.ts";
import { gatewayPort } from "../../protocol/ports.ts";
import type { CommandWorld } from "../command-world.ts";
import { getThrough } from "../commands/get.ts";
import { putThrough, type Stored } from "../commands/put.ts";
import type { Gateway } from "../http-client.ts";
import type { Output } from "../output.ts";
import { type Cluster, type ClusterOptions, chooseFarm, withCluster } from "./cluster.ts";
import { tableText } from "./words.ts";

export type ObjectOptions = ClusterOptions & { readonly farm?: string };

/** Stores a file ("-" = standard input). Rejects with a `CommandError`. */
export async function put(
  world: CommandWorld,
  output: Output,
  file: string,
  options: ObjectOptions & { readonly public: boolean },
): Promise<void> {
  await withCluster(world, options, "put", async (cluster) => {
    const wide = options.output === "wide" ? { describe: storedTable } : {};
    await putThrough(() => gatewayOf(cluster, options), { world, output, file, isPublic: options.public, ...wide });
  });
}

/** Reads an object into a file, or to standard output. Rejects with a `CommandError`. */
export async function get(
  world: CommandWorld,
  output: Output,
  address: string,
  options: ObjectOptions & { readonly out?: string },
): Promise<void> {
  await withCluster(world, options, "get", (cluster) =>
    getThrough(() => gatewayOf(cluster, options), { world, output, address, file: options.out, fileOption: "--out" }),
  );
}

function storedTable({ address, bytes, chunks, copies: { min, max } }: Stored): string {
  const copies = min === max ? String(min) : `${min}-${max}`;
  return tableText([
    ["ADDRESS", "BYTES", "CHUNKS", "COPIES"],
    [address, String(bytes), String(chunks), copies],
  ]);
}

async function gatewayOf(cluster: Cluster, { farm: named }: ObjectOptions): Promise<Gateway> {
  const farm = await chooseFarm(cluster, named);
  const { name, namespace = cluster.namespace } = farm.metadata;
  const proxy = await serviceProxy(cluster.config, { namespace, name: objectNames.gateway(name) }, gatewayPort);
  return { ...proxy, look: `kubectl vaultfarm status ${name}` };
}
