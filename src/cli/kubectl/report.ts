// `kubectl vaultfarm report`: one file to hand to somebody who helps: the farm, its nodes, how its pods and volumes are, what
// happened, what its pods and the operator say. No Secret is read, and what might be a key is cut out.
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { CommandWorld } from "../command-world.ts";
import type { Output } from "../output.ts";
import { type ClusterOptions, chooseFarm, withCluster } from "./cluster.ts";
import { type FarmReport, gatherReport } from "./gather-report.ts";
import { redactedText } from "./redacted.ts";
import { tableText } from "./words.ts";
import { type ZipEntry, zipOf } from "./zip.ts";

export type ReportOptions = ClusterOptions & { readonly out?: string };

/**
 * Writes the report of a farm: a zip archive, in JSON mode one JSON. Rejects with a `CommandError`, or the system's error where
 * the file cannot be written.
 */
export async function report(world: CommandWorld, output: Output, name: string | undefined, options: ReportOptions): Promise<void> {
  await withCluster(world, options, "report", async (cluster) => {
    const farm = await chooseFarm(cluster, name);
    const made = await gatherReport(cluster, world, farm);
    const file = options.out ?? `${farm.metadata.name}-report.${output.isJson ? "json" : "zip"}`;
    const entries = output.isJson ? [] : entriesOf(farm.metadata.name, made);
    const bytes = output.isJson ? jsonText(made) : zipOf(entries, world.clock.wallMs());
    await writeForOwner(resolve(world.workFolder, file), bytes);
    output.json({ file, leftOut: made.leftOut });
    output.line(
      `${file}: ${made.nodes.length} nodes, ${made.pods.length} pods, ${made.events.length} events, ${made.logs.length} logs, metrics of ${made.metrics.length} pods`,
    );
    if (options.output === "wide") output.line(entryTable(entries));
    for (const { what, why } of made.leftOut) if (!output.isJson) output.note(`left out: ${what} (${why})`);
  });
}

/** Also where there is a file already, whose mode it would have. */
async function writeForOwner(path: string, bytes: string | Buffer): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    if ((await file.stat()).isFile()) await file.chmod(0o600);
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

/** The files of the archive, in one folder. Pure. */
function entriesOf(farm: string, made: FarmReport): readonly ZipEntry[] {
  const { format, madeAt, namespace, leftOut } = made;
  const at = (path: string, text: string): ZipEntry => ({ path: `${farm}-report/${path}`, text: redactedText(text) });
  const objects = (["farm", "nodes", "pods", "claims", "events", "plan"] as const).map((of) => at(`${of}.json`, jsonText(made[of])));
  return [
    at("about.json", jsonText({ format, madeAt, namespace, leftOut })),
    at("status.txt", `${made.status}\n`),
    at("plan.txt", `${made.planText}\n`),
    ...objects,
    ...made.logs.map(({ pod, lines }) => at(`logs/${pod}.log`, `${lines.join("\n")}\n`)),
    ...made.metrics.map(({ pod, text }) => at(`metrics/${pod}.txt`, text)),
    ...made.statuses.map(({ node, status }) => at(`node-status/${node}.json`, jsonText(status))),
  ];
}

/** What lies in the archive, and how long each is before it is packed. Pure. */
function entryTable(entries: readonly ZipEntry[]): string {
  return tableText([["FILE", "BYTES"], ...entries.map(({ path, text }) => [path, String(Buffer.byteLength(text))])]);
}

function jsonText(value: unknown): string {
  return `${redactedText(JSON.stringify(value, undefined, 1))}\n`;
}
