// What the nodes of a farm say of themselves at /metrics, read as a scraper would.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Farm } from "./farm.ts";

/** The value of each sample, by its name with its labels as they stand. */
export type Samples = ReadonlyMap<string, number>;

/** One scrape of a process. Rejects where nobody answers, or somebody else does. */
export async function scrape(url: string): Promise<Samples> {
  const answer = await fetch(`${url}/metrics`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}/metrics: ${answer.status} ${text}`);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

/** The sum of a metric over all nodes and over all its labels that include `having`. */
export async function sumOverNodes(farm: Farm, metric: string, having = ""): Promise<number> {
  const { nodes } = JSON.parse(await readFile(join(farm.data, "farm.json"), "utf8")) as { nodes: readonly { ports: { health: number } }[] };
  const scrapes = await Promise.all(nodes.map(({ ports }) => scrape(`http://127.0.0.1:${ports.health}`)));
  return scrapes.reduce((sum, samples) => sum + sumOf(samples, metric, having), 0);
}

/** The sum of a metric over all its labels that include `having`. */
export function sumOf(samples: Samples, metric: string, having = ""): number {
  return [...samples].reduce((sum, [name, value]) => sum + (isOf(name, metric) && name.includes(having) ? value : 0), 0);
}

function isOf(sample: string, metric: string): boolean {
  return sample === metric || sample.startsWith(`${metric}{`);
}
