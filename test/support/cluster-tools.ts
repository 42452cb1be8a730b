// kubectl and helm in tests against a cluster: run to their end, or kept open as a tunnel to the API server or a Service.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** What `command` wrote to its output. Throws with its words where it fails, or where it takes longer than `withinMs`. */
export async function runTool(
  command: string,
  args: readonly string[],
  { input = "", withinMs = 120_000 }: { readonly input?: string; readonly withinMs?: number } = {},
): Promise<string> {
  const child = spawn(command, args, { stdio: "pipe", signal: AbortSignal.timeout(withinMs) });
  child.stdin.end(input);
  const [[code], out, err] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${err.trim()} ${out.trim()}`);
  return out;
}

export function kubectl(...args: readonly string[]): Promise<string> {
  return runTool("kubectl", args);
}

export function helm(...args: readonly string[]): Promise<string> {
  return runTool("helm", args, { withinMs: 300_000 });
}

/** A kubectl that stays, and where it listens on this machine. */
export type Tunnel = { readonly url: string; isOpen(): boolean; close(): Promise<void> };

/** Opens `kubectl ARGS`, which says at its start on which port of 127.0.0.1 it listens. */
export async function openTunnel(...args: readonly string[]): Promise<Tunnel> {
  const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "pipe"] });
  const errors = text(child.stderr);
  const ended = once(child, "close");
  const port = await Promise.race([portOf(child), ended.then(() => undefined)]);
  if (port === undefined) throw new Error(`kubectl ${args.join(" ")}: ${await errors}`);
  return {
    url: `http://127.0.0.1:${port}`,
    isOpen: () => child.exitCode === null && child.signalCode === null,
    close: async () => {
      child.kill();
      await ended;
    },
  };
}

async function portOf({ stdout }: Pick<ChildProcess, "stdout">): Promise<string | undefined> {
  if (stdout === null) return undefined;
  const found = Promise.withResolvers<string | undefined>();
  const lines = createInterface({ input: stdout });
  // Read on to the end: each connection adds a line.
  lines.on("line", (line) => {
    const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port !== undefined) found.resolve(port);
  });
  lines.on("close", () => found.resolve(undefined));
  return found.promise;
}
