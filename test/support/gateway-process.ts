// Starts a real gateway process for integration tests: settings in, its address out.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NodeSeat } from "./node-group.ts";

export type GatewayProcess = { readonly url: string; readonly child: ChildProcess };

const entry = fileURLToPath(new URL("../../src/gateway/main.ts", import.meta.url));
const listensWithinMs = 60_000;

/** Starts a gateway on a free port with the settings in `env`, where `seat` says; whoever starts it ends it. Rejects with what it said where it does not listen. */
export async function startGateway(
  env: Readonly<Record<string, string>>,
  { ip, prefix }: NodeSeat = { ip: "127.0.0.1", prefix: [] },
): Promise<GatewayProcess> {
  const [program = process.execPath, ...args] = [...prefix, process.execPath, "--disable-warning=ExperimentalWarning", entry];
  const listen = { VAULTFARM_HOST: ip, VAULTFARM_NETWORK_IP: ip, VAULTFARM_PORT: "0" };
  const child = spawn(program, args, {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...listen, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (child.stderr === null) throw new Error("the gateway has no output");
  const said: string[] = [];
  const listens = new Promise<number>((resolve) => {
    createInterface(child.stderr).on("line", (line) => {
      said.push(line);
      if (line.includes('"the gateway listens"')) resolve((JSON.parse(line) as { port: number }).port);
    });
  });
  const ended = once(child, "exit", { signal: AbortSignal.timeout(listensWithinMs) }).then(() =>
    Promise.reject(new Error(said.join("\n"))),
  );
  ended.catch(() => {});
  return { url: `http://${ip}:${await Promise.race([listens, ended])}`, child };
}
