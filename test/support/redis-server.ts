// A real Redis for integration tests: a process of its own on a free port of the loopback address, with nothing on disk.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { until } from "./deadline.ts";

/** Where Debian puts it, and where VAULTFARM_REDIS_SERVER says it is. */
const places = [process.env["VAULTFARM_REDIS_SERVER"], "/usr/bin/redis-server", "/usr/local/bin/redis-server"];
const executable = places.find((path) => path !== undefined && existsSync(path));

/** Why the tests with Redis cannot run here; undefined where they can. */
export const noRedis: string | undefined =
  executable === undefined ? "no Redis here: apt-get install redis-server, or set VAULTFARM_REDIS_SERVER" : undefined;

export type RedisServer = {
  readonly url: string;
  readonly port: number;
  /** Starts it again, empty, where it was before. */
  start(): Promise<void>;
  /** Holds it still as SIGSTOP does, and lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Ends it as kill -9 does. */
  kill(): Promise<void>;
};

/** A running server; `kill` it when done. */
export async function startRedis(port: number): Promise<RedisServer> {
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    if (executable === undefined) throw new Error(noRedis);
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tmpdir()];
    child = spawn(executable, args, { stdio: "ignore" });
    await until(`Redis listens on ${port}`, () => accepts(port));
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    kill: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
