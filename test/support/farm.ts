// A real farm for integration tests, started by the real command line in a folder of its own: processes, connections and
// disks as a person has them, only smaller.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FarmView, NodeLine } from "../../src/cli/local-farm/farm-view.ts";
import { type CommandResult, runCommand, startCommand } from "./command.ts";
import { until } from "./deadline.ts";

export type FarmOptions = {
  readonly nodes?: number;
  readonly gateways?: number;
  readonly vaultsPerNode?: number;
  readonly vaultCapacity?: string;
  /** Further lines of the manifest's spec, indented by two. */
  readonly spec?: string;
  /** Further arguments of `up`. */
  readonly args?: readonly string[];
  /** Where the farm lies; absent = a new temporary folder, removed by `remove`. */
  readonly folder?: string;
};

export type Farm = {
  /** The folder in which commands run; the data is in `.vaultfarm/attic` below it. */
  readonly folder: string;
  readonly data: string;
  /** As it was when all was ready. */
  readonly view: FarmView;
  readonly upPid: number;
  /** Base URL of a gateway. */
  gateway(index: number): string;
  status(): Promise<FarmView>;
  /** Runs another command in the farm's folder. */
  run(...args: readonly string[]): Promise<CommandResult>;
  /** Stops it as Ctrl-C does; resolves with the exit code of `up`. */
  stop(): Promise<number | null>;
  /** Stops what still runs and removes everything. */
  remove(): Promise<void>;
};

const name = "attic";
const readyWithinMs = 120_000;
/** Longer than members and `up` may take for their goodbyes. */
const stopsWithinMs = 40_000;

/** A manifest of a small farm. */
export function manifest({ nodes = 8, gateways = 2, vaultsPerNode = 1, vaultCapacity = "64Mi", spec = "" }: FarmOptions): string {
  return [
    "apiVersion: vaultfarm.dev/v1alpha1",
    "kind: VaultFarm",
    `metadata: {name: ${name}}`,
    "spec:",
    `  replicas: ${nodes}`,
    `  vaultsPerNode: ${vaultsPerNode}`,
    `  vaultCapacity: ${vaultCapacity}`,
    `  gateway: {replicas: ${gateways}}`,
    spec,
    "",
  ].join("\n");
}

/** Starts a farm and waits until all of it is ready. Rejects with what the processes wrote where it does not become ready. */
export async function startFarm(options: FarmOptions = {}): Promise<Farm> {
  const removes = options.folder === undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "vaultfarm-")));
  await writeFile(join(folder, "farm.yaml"), manifest(options));
  const up = startCommand(["up", "-f", "farm.yaml", "--json", ...(options.args ?? [])], folder);
  const data = join(folder, ".vaultfarm", name);
  try {
    const view = await firstView(up);
    return handle({ folder, data, view, up, removes });
  } catch (cause) {
    await end(up);
    const tails = await logTails(data);
    if (removes) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    throw new Error(`the farm did not start\n${tails}`, { cause });
  }
}

async function firstView(up: ChildProcess): Promise<FarmView> {
  if (up.stdout === null || up.stderr === null) throw new Error("up has no output");
  const said: string[] = [];
  createInterface(up.stderr).on("line", (line) => said.push(line));
  const lines = createInterface(up.stdout);
  const limit = AbortSignal.timeout(readyWithinMs);
  const [outcome] = (await Promise.race([once(lines, "line", { signal: limit }), once(up, "exit", { signal: limit })])) as [
    string | number | null,
  ];
  if (typeof outcome !== "string") throw new Error(`up ended with ${outcome}: ${said.join("\n")}`);
  return JSON.parse(outcome) as FarmView;
}

/** Ends `up`; asked first, so that it ends its members. */
async function end(up: ChildProcess): Promise<void> {
  if (up.exitCode !== null || up.signalCode !== null) return;
  const ended = once(up, "exit");
  up.kill("SIGINT");
  const limit = AbortSignal.timeout(stopsWithinMs);
  limit.addEventListener("abort", () => up.kill("SIGKILL"), { once: true });
  await ended;
}

type Started = {
  readonly folder: string;
  readonly data: string;
  readonly view: FarmView;
  readonly up: ChildProcess;
  readonly removes: boolean;
};

function handle({ folder, data, view, up, removes }: Started): Farm {
  const run = (...args: readonly string[]): Promise<CommandResult> => runCommand(args, folder);
  const stop = async (): Promise<number | null> => {
    if (up.exitCode !== null || up.signalCode !== null) return up.exitCode;
    const ended = once(up, "exit");
    up.kill("SIGINT");
    return (await ended)[0] as number | null;
  };
  return {
    folder,
    data,
    view,
    upPid: up.pid ?? 0,
    gateway: (index) => view.gateways[index]?.url ?? "",
    status: async () => JSON.parse((await run("status", "--json")).out) as FarmView,
    run,
    stop,
    remove: async () => {
      await stop();
      if (removes) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends a process without warning and waits until `status` of `farm` no longer shows it as the same running one. */
export async function killNode(farm: Farm, node: NodeLine): Promise<void> {
  const { pid } = node;
  if (pid === null) throw new Error(`node ${node.peerId} does not run`);
  process.kill(pid, "SIGKILL");
  await until(`process ${pid} is gone`, async () => (await farm.status()).nodes.every((other) => other.pid !== pid));
}

async function logTails(data: string): Promise<string> {
  const logs = join(data, "logs");
  const names = await readdir(logs).catch(() => []);
  const tails = names.map(async (log) => `--- ${log}\n${(await readFile(join(logs, log), "utf8")).slice(-1500)}`);
  return (await Promise.all(tails)).join("\n");
}
