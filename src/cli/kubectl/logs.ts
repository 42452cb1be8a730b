// `kubectl vaultfarm logs`: the last lines of a farm's pods, of all together in the order of their time.
import { leanPod, type PodObject, pods } from "../../operator/cluster/resources.ts";
import { labels } from "../../operator/manifests/names.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import type { Output } from "../output.ts";
import { type Cluster, type ClusterOptions, readFarm, withCluster } from "./cluster.ts";
import { readPodLog } from "./pod-log.ts";

export type LogOptions = ClusterOptions & { readonly tail: number };
/** `node`: only its pod. */
export type LogSubject = { readonly farm: string; readonly node: string | undefined };

type Line = { readonly pod: string; readonly text: string };

/** Prints the last lines; pods whose log cannot be read are named in notes. Rejects with a `CommandError`, where no log can be read at all too. */
export async function logs(world: CommandWorld, output: Output, { farm, node }: LogSubject, options: LogOptions): Promise<void> {
  await withCluster(world, options, "logs", async (cluster) => {
    await readFarm(cluster, farm);
    const found = await podsOf(cluster, farm, node);
    if (found.length === 0) {
      const whose = node === undefined ? `farm ${farm} has` : `node ${node} of farm ${farm} has`;
      throw new CommandError(exitCodes.notFound, "no-pods", `${whose} no pods: see kubectl vaultfarm status ${farm}`);
    }
    const lines: Line[] = [];
    const failures: string[] = [];
    for (const { metadata } of found) {
      const pod = metadata.name;
      const read = await readPodLog(cluster, { namespace: cluster.namespace, name: pod }, options.tail);
      if (read.ok) lines.push(...read.value.map((text) => ({ pod, text })));
      else failures.push(`no log of ${pod}: ${read.error.message}`);
    }
    if (failures.length === found.length) throw new CommandError(exitCodes.refused, "no-logs", failures[0] ?? "no logs");
    for (const failure of failures) output.note(failure);
    const sorted = inOrder(lines);
    output.json({ farm, lines: sorted });
    const machines = new Map(found.map(({ metadata, nodeName = "-" }) => [metadata.name, nodeName]));
    const from = (pod: string): string => (options.output === "wide" ? `${pod}  ${machines.get(pod) ?? "-"}` : pod);
    if (sorted.length > 0) output.line(sorted.map(({ pod, text }) => `${from(pod)}  ${text}`).join("\n"));
  });
}

async function podsOf({ client, namespace }: Cluster, farm: string, node: string | undefined): Promise<readonly PodObject[]> {
  const labelSelector = `${labels.farm}=${farm}${node === undefined ? "" : `,${labels.node}=${node}`}`;
  const listed = await client.listAll(pods, { namespace, labelSelector });
  if (!listed.ok) throw listed.error;
  return listed.value.items.map(leanPod).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** By the time each line says; one that says none stays behind the one before it of its pod. Pure. */
export function inOrder(lines: readonly Line[]): readonly Line[] {
  const last = new Map<string, number>();
  const timed = lines.map((line) => {
    const atMs = timeOf(line.text) ?? last.get(line.pod) ?? Number.NEGATIVE_INFINITY;
    last.set(line.pod, atMs);
    return { line, atMs };
  });
  return timed.toSorted((a, b) => (a.atMs === b.atMs ? 0 : a.atMs - b.atMs)).map(({ line }) => line);
}

function timeOf(text: string): number | undefined {
  const said = /"time":(?:"([^"]+)"|(\d+))/.exec(text);
  const atMs = said?.[1] === undefined ? Number(said?.[2]) : Date.parse(said[1]);
  return Number.isNaN(atMs) ? undefined : atMs;
}
