// A real API server for tests: etcd and kube-apiserver as processes on free ports of the loopback, with a folder, keys and a
// token of their own; no scheduler, no controllers, no nodes. Ends what it started, by process.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, openSync, rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type KubeConfig, readKubeConfig } from "../../src/operator/kube/config.ts";
import { type KubeClient, openKubeClient } from "../../src/operator/kube/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "./deadline.ts";
import { silentKubeMetrics } from "./kube-silence.ts";

export type ApiServer = {
  readonly config: KubeConfig;
  /** A kubeconfig file, for `kubectl` and the like. */
  readonly kubeconfig: string;
  readonly token: string;
  /** Kills kube-apiserver; etcd goes on. */
  kill(): Promise<void>;
  /** Starts it again where it was, and waits until it is ready. */
  revive(): Promise<void>;
  stop(): Promise<void>;
};

const advice = [
  "the cluster tier needs the programs etcd, kube-apiserver and kubectl (1.31 or later), and helm (4):",
  "put them on PATH, into ~/.cache/vaultfarm-kube/bin, or name their folder in VAULTFARM_KUBE_BIN",
  "(setup-envtest of controller-runtime downloads the first three; so does any Kubernetes release)",
].join("\n");

/** Folders in which the programs are looked for, in this order. */
function folders(): readonly string[] {
  const { VAULTFARM_KUBE_BIN, KUBE_CACHE, XDG_CACHE_HOME, PATH } = process.env;
  const cache = KUBE_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "vaultfarm-kube");
  return [...(VAULTFARM_KUBE_BIN === undefined ? [] : [VAULTFARM_KUBE_BIN]), ...(PATH ?? "").split(delimiter), join(cache, "bin")];
}

/** Path of a program of Kubernetes or its tools. Throws with what to install where it is missing. */
export function kubeProgram(name: string): string {
  const found = folders()
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} was not found: ${advice}`);
  return found;
}

/** A client that may do everything there, under the field manager `test`. */
export function openTestClient({ config }: ApiServer): KubeClient {
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  return openKubeClient(config, tools, { fieldManager: "test", userAgent: "test/1" });
}

/** Starts both and waits until the server is ready. Throws with what to install where a program is missing. */
export async function startApiServer(): Promise<ApiServer> {
  const [etcdPath, serverPath] = [kubeProgram("etcd"), kubeProgram("kube-apiserver")];
  const folder = await mkdtemp(join(tmpdir(), "vaultfarm-api-"));
  const processes: ChildProcess[] = [];
  // A process that ends without `stop`, by a signal or an error that nobody caught, leaves nothing behind.
  const abandon = (): void => {
    for (const child of processes) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", abandon);
  const stop = async (): Promise<void> => {
    process.off("exit", abandon);
    for (const child of processes.reverse()) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const token = randomBytes(16).toString("hex");
    const [etcdPort, peerPort, port] = await freePorts(3);
    processes.push(run(etcdPath, etcdArguments(folder, etcdPort, peerPort), join(folder, "etcd.log")));
    await writeKeys(folder, token);
    const startServer = (): ChildProcess => run(serverPath, serverArguments(folder, etcdPort, port), join(folder, "apiserver.log"));
    processes.push(startServer());
    const kubeconfig = await until("the API server makes its certificate", () => writeKubeconfig(folder, port, token));
    const config = await readKubeConfig({ KUBECONFIG: kubeconfig }, { readText: (path) => readFile(path, "utf8"), clock: systemClock });
    const ready = async (): Promise<void> =>
      void (await until("the API server is ready", () => isReady(folder, port, token, processes), 120_000));
    await ready();
    const kill = async (): Promise<void> => {
      const child = processes.pop();
      if (child !== undefined) await end(child, "SIGKILL");
    };
    const revive = (): Promise<void> => {
      processes.push(startServer());
      return ready();
    };
    return { config, kubeconfig, token, kill, revive, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdArguments(folder: string, port: number, peerPort: number): readonly string[] {
  const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    ...["--name", "test", "--data-dir", join(folder, "etcd"), "--unsafe-no-fsync", "--log-level", "error"],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `test=${peer}`],
  ];
}

function serverArguments(folder: string, etcdPort: number, port: number): readonly string[] {
  const key = join(folder, "sa.key");
  return [
    ...["--etcd-servers", `http://127.0.0.1:${etcdPort}`, "--cert-dir", folder, "--token-auth-file", join(folder, "tokens.csv")],
    ...["--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", String(port)],
    ...["--service-account-issuer", "https://test.invalid", "--service-account-key-file", key, "--service-account-signing-key-file", key],
    ...["--service-cluster-ip-range", "10.0.0.0/16", "--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"],
    ...["--profiling=false", "--v", "1"],
  ];
}

async function writeKeys(folder: string, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(folder, "sa.key"), privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  await writeFile(join(folder, "tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(join(folder, "token"), token, { mode: 0o600 });
}

// The server makes a self-signed certificate when it starts; that is what to trust.
async function writeKubeconfig(folder: string, port: number, token: string): Promise<string | undefined> {
  if (!existsSync(join(folder, "apiserver.crt"))) return undefined;
  const path = join(folder, "kubeconfig");
  const text = [
    "apiVersion: v1",
    "kind: Config",
    "current-context: test",
    `clusters: [{name: test, cluster: {server: "https://127.0.0.1:${port}", certificate-authority: apiserver.crt}}]`,
    `users: [{name: admin, user: {token: ${JSON.stringify(token)}}}]`,
    "contexts: [{name: test, context: {cluster: test, user: admin}}]",
  ].join("\n");
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

async function isReady(folder: string, port: number, token: string, processes: readonly ChildProcess[]): Promise<boolean> {
  if (processes.some(({ exitCode }) => exitCode !== null)) {
    throw new Error(`a program ended: ${(await readFile(join(folder, "apiserver.log"), "utf8")).slice(-2000)}`);
  }
  const { get } = await import("node:https");
  const ca = await readFile(join(folder, "apiserver.crt"));
  return new Promise((resolve, reject) => {
    const request = get(
      { host: "127.0.0.1", port, path: "/readyz", ca, headers: { authorization: `Bearer ${token}` }, timeout: 5000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    request.once("error", reject);
    request.once("timeout", () => request.destroy(new Error("no answer")));
  });
}

function run(path: string, parameters: readonly string[], logPath: string): ChildProcess {
  const log = openSync(logPath, "a");
  // Its name decides which program the binary is, so the path is kept as found.
  return spawn(path, parameters, { stdio: ["ignore", log, log] });
}

async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill(signal);
  const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(hard);
}

async function freePorts(count: number): Promise<[number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) await new Promise<void>((resolve) => server.close(() => resolve()));
  const [first = 0, second = 0, third = 0] = ports;
  return [first, second, third];
}
