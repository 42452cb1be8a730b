// `kubectl vaultfarm report`: one file to hand to somebody who helps: the farm, its nodes, how its pods and volumes are, what
// happened, what the operator logged. No Secret is read, and what might be a key is cut out.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CommandWorld } from "../command-world.ts";
import type { Output } from "../output.ts";
import { type ClusterOptions, chooseFarm, withCluster } from "./cluster.ts";
import { gatherReport } from "./gather-report.ts";

export type ReportOptions = ClusterOptions & { readonly out?: string };

/** Writes the report of a farm. Rejects with a `CommandError`, or the system's error where the file cannot be written. */
export async function report(world: CommandWorld, output: Output, name: string | undefined, options: ReportOptions): Promise<void> {
  await withCluster(world, options, "report", async (cluster) => {
    const farm = await chooseFarm(cluster, name);
    const made = await gatherReport(cluster, farm, new Date(world.clock.wallMs()).toISOString());
    const file = options.out ?? `${farm.metadata.name}-report.json`;
    await writeFile(resolve(world.workFolder, file), `${JSON.stringify(made, undefined, 1)}\n`, { mode: 0o600 });
    output.json({ file, leftOut: made.leftOut });
    output.line(
      `${file}: ${made.nodes.length} nodes, ${made.pods.length} pods, ${made.events.length} events, logs of ${made.logs.length} operator pods`,
    );
    for (const { what, why } of made.leftOut) if (!output.isJson) output.note(`left out: ${what} (${why})`);
  });
}
