// Which program listens on a port, for the message to a person whose port is in use. Linux tells through /proc, other
// systems through lsof; where neither does, the message does without.
import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { readTcpSockets } from "../../runtime/tcp-table.ts";

/** A program and its process id. */
export type PortHolder = { readonly pid: number; readonly program: string };

const run = promisify(execFile);

/** Who listens on this TCP port, as far as this user may see. */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  try {
    return process.platform === "linux" ? await holderFromProc(port) : await holderFromLsof(port);
  } catch {
    return undefined;
  }
}

async function holderFromProc(port: number): Promise<PortHolder | undefined> {
  const sockets = await readTcpSockets();
  const listeners = sockets.filter(({ localPort, isListening }) => isListening && localPort === port);
  const inodes = new Set(listeners.map(({ inode }) => `socket:[${inode}]`));
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)))
    if (await holdsOneOf(pid, inodes)) return { pid: Number(pid), program: (await readFile(`/proc/${pid}/comm`, "utf8")).trim() };
  return undefined;
}

async function holdsOneOf(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) if (inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""))) return true;
  return false;
}

async function holderFromLsof(port: number): Promise<PortHolder | undefined> {
  const { stdout } = await run("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  return pid === undefined ? undefined : { pid: Number(pid), program: /^c(.+)$/m.exec(stdout)?.[1] ?? "?" };
}
