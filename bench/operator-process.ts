// An operator as a process of its own, with the settings of its image, and what the API server counted of its calls.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { KubeClient } from "../src/operator/kube/index.ts";
import { memorySettings } from "../src/runtime/memory-settings.ts";
import { until } from "../test/support/deadline.ts";
import { must } from "../test/support/kube-api.contract.ts";
import { cpuSeconds } from "./process-cost.ts";

export type BenchOperator = {
  /** MiB: now, and the most so far. */
  memory(): { readonly now: number; readonly most: number };
  cpuSeconds(): number;
  /** Resolves once its caches are filled. */
  whenReady(): Promise<void>;
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
};

const program = "dist/operator/main.js";

/** Compiles the program that the image runs: Node's own stripping of types would cost the operator 27 MiB more. Throws where it fails. */
export function buildOperator(): void {
  const built = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", "bin/build.ts"], { stdio: "inherit" });
  if (built.status !== 0) throw new Error("the operator could not be compiled");
}

/** Starts one, compiled before. `port`: of its health and metrics. */
export function startOperator(kubeconfig: string, identity: string, port: number): BenchOperator {
  const settings = {
    KUBECONFIG: kubeconfig,
    VAULTFARM_OPERATOR_NAMESPACE: "default",
    VAULTFARM_OPERATOR_IDENTITY: identity,
    VAULTFARM_OPERATOR_IMAGE: "vaultfarm:bench",
    VAULTFARM_OPERATOR_LISTEN_IP: "127.0.0.1",
    VAULTFARM_OPERATOR_PORT: String(port),
    VAULTFARM_LOG_LEVEL: "error",
  };
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...memorySettings, ...settings };
  const child: ChildProcess = spawn(process.execPath, [program], { env, stdio: ["ignore", "ignore", "inherit"] });
  const abandon = (): void => void child.kill("SIGKILL");
  process.once("exit", abandon);
  child.once("exit", () => process.off("exit", abandon));
  const pid = child.pid ?? 0;
  const fieldOf = (name: string): number => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
  };
  return {
    memory: () => ({ now: fieldOf("VmRSS"), most: fieldOf("VmHWM") }),
    cpuSeconds: () => cpuSeconds([pid]),
    whenReady: async () => {
      const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
      await until("the operator is ready", ready, 120_000);
    },
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
    },
  };
}

const writing = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];
/** What other parts of a cluster write too: leases of the API server and of the operator. */
const notCounted = [
  "leases",
  "endpoints",
  "endpointslices",
  "serviceaccounts",
  "apiservices",
  "flowschemas",
  "prioritylevelconfigurations",
];

/** All calls that the API server has answered so far, watches left out, and the writes among them, by verb and resource. */
export type ServerCalls = { readonly all: number; readonly writes: ReadonlyMap<string, number> };

export async function serverCalls(client: KubeClient): Promise<ServerCalls> {
  const text = must(await client.readText("/metrics", { bytesMax: 64 * 2 ** 20 }));
  let all = 0;
  const writes = new Map<string, number>();
  for (const [, names = "", count = "0"] of text.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(names)?.[1] ?? "";
    if (label("resource") === "" || notCounted.includes(label("resource")) || label("verb") === "WATCH") continue;
    all += Number(count);
    const what = [label("verb"), label("resource"), label("subresource")].filter((word) => word !== "").join(" ");
    if (writing.includes(label("verb"))) writes.set(what, (writes.get(what) ?? 0) + Number(count));
  }
  return { writes, all };
}
