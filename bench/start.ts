// The start bench: `npm start` with the sample farm until all of it is ready, for the first time (a new folder and no
// compiled code kept from before) and later; beside the start of plain Node, in the same rounds.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const sample = join(root, "deploy/samples/attic.yaml");

/** Seconds from the command to the line that says all is ready; then the farm is stopped as Ctrl-C does. */
async function startOnce(folder: string): Promise<number> {
  const begun = performance.now();
  // Node keeps compiled code below the folder for temporary files: a fresh one has none.
  const child = spawn("npm", ["start", "--silent", "--", "-f", sample, "--data", join(folder, "farms"), "--json"], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as [string | number | null];
  const seconds = (performance.now() - begun) / 1000;
  if (typeof line !== "string") throw new Error(`npm start ended with ${line}`);
  process.kill(-(child.pid ?? 0), "SIGINT");
  await ended;
  return seconds;
}

function plainStart(): number {
  const begun = performance.now();
  execFileSync(process.execPath, ["-e", ""]);
  return (performance.now() - begun) / 1000;
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const figures = { first: [] as number[], later: [] as number[], plain: [] as number[] };
  for (let i = 0; i < runs; i += 1) {
    const folder = await mkdtemp(join(tmpdir(), "vaultfarm-start-"));
    try {
      figures.first.push(await startOnce(folder));
      figures.later.push(await startOnce(folder));
      figures.plain.push(plainStart());
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const reference = { what: "node -e ''", median: median(figures.plain) };
  const row = (what: string, values: readonly number[]): Result =>
    summarise({ bench: "start", what, unit: "s" }, values, { reference, ratio: median(values) / reference.median });
  return [row("npm start to all ready, first time", figures.first), row("npm start to all ready, later", figures.later)];
}

export const bench: Bench = { name: "start", run };
