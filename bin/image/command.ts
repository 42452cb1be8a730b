// Runs the machine's own tools for the image: apt, dpkg-deb, tar, npm.
import { spawnSync } from "node:child_process";

/** Runs a command; `false` when it failed or is not there. `quiet` keeps what it says to itself. */
export function run(command: string, args: readonly string[], options: { readonly cwd?: string; readonly quiet?: boolean } = {}): boolean {
  const { status } = spawnSync(command, args, { cwd: options.cwd, stdio: options.quiet ? "ignore" : ["ignore", "ignore", "inherit"] });
  return status === 0;
}

/** What a command prints. Throws an Error with its words when it failed. */
export function output(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
