// Starts a real gateway process for integration tests: settings in, its address out.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toHex } from "../../src/protocol/bytes.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "./deadline.ts";
import type { NodeFarm } from "./node-farm.ts";
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

export type GatewayOfFarm = {
  /** Where it may keep its files, under the name of its address. */
  readonly folder: string;
  readonly seat: NodeSeat;
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts a gateway of `farm` with a grant, so that it stores for everybody, and waits until it is ready; whoever starts it ends it. */
export async function startGatewayOf(farm: NodeFarm, { folder, seat, env = {} }: GatewayOfFarm): Promise<GatewayProcess> {
  const [data, peers] = [join(folder, seat.ip), join(folder, `${seat.ip}.peers`)];
  const seed = systemRandom.bytes(32);
  await mkdir(data);
  await writeFile(join(data, "grant.seed"), `${toHex(seed)}\n`);
  await writeFile(join(data, "grant"), farm.grantFor(peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey)));
  await writeFile(peers, JSON.stringify(farm.addresses));
  const files = {
    VAULTFARM_DATA_DIR: data,
    VAULTFARM_GRANT_DIR: data,
    VAULTFARM_GENESIS_FILE: farm.genesisFile,
    VAULTFARM_PEERS_FILE: peers,
  };
  const gateway = await startGateway({ ...files, VAULTFARM_WRITES: "open", ...env }, seat);
  try {
    await until("the gateway is ready", async () => (await fetch(`${gateway.url}/readyz`)).status === 200);
  } catch (error) {
    gateway.child.kill("SIGKILL");
    throw error;
  }
  return gateway;
}
