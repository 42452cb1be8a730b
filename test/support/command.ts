// Runs the real `vaultfarm` as a process: the source by default, what VAULTFARM_TEST_CLI names where dist or the packed
// package is to be tested.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

const entry = resolve(process.env["VAULTFARM_TEST_CLI"] ?? "bin/vaultfarm.js");

/** A started command; it stops with this process, because the channel between them closes. */
export function startCommand(args: readonly string[], folder: string): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", entry, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

export type CommandResult = { readonly code: number | null; readonly out: string; readonly err: string };

/** A command run to its end. */
export async function runCommand(args: readonly string[], folder: string): Promise<CommandResult> {
  const child = startCommand(args, folder);
  if (child.stdout === null || child.stderr === null) throw new Error("the command has no output");
  const [[code], out, err] = await Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  return { code: code as number | null, out, err };
}
