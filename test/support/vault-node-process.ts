// Starts real vault node processes for integration tests: settings in, ports and status out, and an end for sure.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type NodeStatus, nodeStatus } from "../../src/protocol/node-status.ts";
import { memorySettings } from "../../src/runtime/memory-settings.ts";
import { toEnv, type VaultNodeConfig } from "../../src/vault-node/config.ts";

/** A line of its log. */
export type LogLine = { readonly level: number; readonly msg: string } & Readonly<Record<string, unknown>>;

export type VaultNodeProcess = {
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  /** Resolves with the line of that sentence; rejects where the process ends first, with what it said. */
  said(sentence: string): Promise<LogLine>;
  /** Resolves with exit code and signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

const entry = fileURLToPath(new URL("../../src/vault-node/main.ts", import.meta.url));
const readSentence = "the vault node runs";

// A test or bench that is broken off leaves no nodes behind: nobody else would end them.
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a node, by `prefix` where another command must run it; whoever starts it ends it, at the latest with `child.kill("SIGKILL")`. */
export function startVaultNode(config: VaultNodeConfig, prefix: readonly string[] = []): VaultNodeProcess {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...memorySettings, ...toEnv(config) };
  const [program = process.execPath, ...args] = [...prefix, process.execPath, "--disable-warning=ExperimentalWarning", entry];
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const log: LogLine[] = [];
  const listeners = new Set<() => void>();
  let rest = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    log.push(...lines.map(readLine));
    for (const listener of listeners) listener();
  });
  running.add(child);
  const ended = once(child, "close").then(([code, signal]) => {
    running.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const said = (sentence: string): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = log.find(({ msg }) => msg === sentence);
        if (line === undefined) return;
        listeners.delete(look);
        resolve(line);
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without saying "${sentence}": ${log.map(({ msg }) => msg).join("; ")}`)));
    });
  return { child, log, said, ended };
}

function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 0, msg: line };
  }
}

/** The health port of a node, once it runs. */
export async function healthPortOf(node: VaultNodeProcess): Promise<number> {
  return Number((await node.said(readSentence))["health"]);
}

/** GET /v1/status, checked against its schema. */
export async function statusOf(healthPort: number, ip = "127.0.0.1"): Promise<NodeStatus> {
  const response = await fetch(`http://${ip}:${healthPort}/v1/status`);
  return nodeStatus.parse(await response.json());
}
