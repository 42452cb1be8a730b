// Memory of real vault node processes while idle: with 3 vaults and with 103, so that the difference is what a hundred
// vaults cost. Beside it an empty Node process in the same run. Anonymous memory of the process (smaps_rollup): mapped
// pages of the index and of the program's files are the system's to take back.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGenesis } from "../src/protocol/genesis.ts";
import { signingKeyFromSeed } from "../src/protocol/keys.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { systemRandom } from "../src/runtime/random.ts";
import { readConfig } from "../src/vault-node/config.ts";
import { healthPortOf, startVaultNode } from "../test/support/vault-node-process.ts";
import { anonymousMiB } from "./process-cost.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const mib = 1024 * 1024;
const fewVaults = 3;
const manyVaults = 103;
/** How long a process is left alone before it is measured: what starting took is collected by then. */
const settleMs = 10_000;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve).kill("SIGKILL"));
}

async function nodeMib(folder: string, vaults: number): Promise<number> {
  const config = readConfig({
    VAULTFARM_DATA_DIR: join(folder, "volume"),
    VAULTFARM_GENESIS_FILE: join(folder, "genesis"),
    VAULTFARM_VAULT_CAPACITY: String(32 * mib),
    VAULTFARM_VAULTS: String(vaults),
    VAULTFARM_FOUNDER: "true",
  });
  const node = startVaultNode({ ...config, ports: { libp2p: 0, lane: 0, heartbeat: 0, health: 0, admin: 0 } });
  try {
    await healthPortOf(node);
    await systemClock.sleep(settleMs);
    return anonymousMiB(node.child.pid ?? 0);
  } finally {
    await ended(node.child);
  }
}

async function emptyMib(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  try {
    await systemClock.sleep(settleMs / 5);
    return anonymousMiB(child.pid ?? 0);
  } finally {
    await ended(child);
  }
}

async function once(folder: string): Promise<{ few: number; many: number; empty: number }> {
  const owner = signingKeyFromSeed(systemRandom.bytes(32));
  const terms = { name: "bench", copies: { min: 4, target: 5, max: 8 }, placeUnit: mib, createdAt: systemClock.wallMs() };
  const measureIn = async (name: string, vaults: number): Promise<number> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "genesis"), createGenesis(terms, owner).bytes);
    const value = await nodeMib(join(folder, name), vaults);
    await rm(join(folder, name), { recursive: true });
    return value;
  };
  return { empty: await emptyMib(), few: await measureIn("few", fewVaults), many: await measureIn("many", manyVaults) };
}

export const bench: Bench = {
  name: "memory",
  run: async ({ runs }: BenchOptions): Promise<readonly Result[]> => {
    const folder = mkdtempSync(join(tmpdir(), "bench-memory-"));
    try {
      const all: Awaited<ReturnType<typeof once>>[] = [];
      for (let run = 0; run < runs; run += 1) all.push(await once(folder));
      const few = all.map((one) => one.few);
      const empty = median(all.map((one) => one.empty));
      return [
        summarise({ bench: "memory", what: `node with ${fewVaults} vaults, idle`, unit: "MiB anonymous" }, few, {
          reference: { what: "an empty Node process", median: empty },
          ratio: median(few) / empty,
        }),
        summarise(
          { bench: "memory", what: "each further vault", unit: "MiB anonymous" },
          all.map((one) => (one.many - one.few) / (manyVaults - fewVaults)),
        ),
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
