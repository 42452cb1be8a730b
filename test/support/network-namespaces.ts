// Network namespaces that a test or bench makes by name, one run at a time, after those that a killed run left. Needs root and iproute2.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Runs `ip`; throws where it fails. */
export function ip(...args: readonly string[]): string {
  return execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

/** Why namespaces cannot be made here, or undefined where they can; `name`: of one that is made to find out. */
export function namespacesRefused(name: string): string | undefined {
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return undefined;
  } catch (error) {
    return `network namespaces need root and iproute2: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}

/**
 * Holds names and addresses for this process, until closed. The lock is a name that the kernel frees with the process that holds it
 * (unix(7), abstract). Rejects where another has it.
 */
export async function takeNamespaces(tag: string): Promise<Server> {
  const lock = createServer();
  try {
    await once(lock.listen(`\0vaultfarm-${tag}`), "listening");
  } catch (cause) {
    throw new Error("another test or bench on this machine has the same network namespaces", { cause });
  }
  lock.unref();
  return lock;
}

/** Nodes in a namespace outlive a run that was killed, and keep the namespace. */
export function removeLeftNamespace(name: string): void {
  quietly(() => {
    for (const pid of ip("netns", "pids", name).split("\n")) if (pid !== "") process.kill(Number(pid), "SIGKILL");
  });
  quietly(() => ip("netns", "del", name));
}

/** What is not there need not be removed. */
export function quietly(remove: () => void): void {
  try {
    remove();
  } catch {}
}
