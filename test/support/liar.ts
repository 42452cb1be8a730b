// A vault node that lies, started as a process of its own beside a farm of sound ones (lying-node.ts).
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { until } from "./deadline.ts";
import type { NodeFarm } from "./node-farm.ts";

export type Liar = { readonly peer: string; kill(): void };

/** A liar that the farm's client knows as active. `putsOff`: it gives no wrong proof, it answers `later` for ever. */
export async function startLiar({ genesisFile, addresses: known, client }: NodeFarm, { putsOff }: { putsOff: boolean }): Promise<Liar> {
  const settings = JSON.stringify({ genesisFile, capacity: 256 * 2 ** 20, known, putsOff });
  const entry = fileURLToPath(new URL("./lying-node.ts", import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", entry, settings], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [said] = await once(child.stdout ?? assert.fail(), "data");
    const peer = String(said).trim();
    await until("it takes part", () => {
      const node = client.network().nodes.find(({ peerId }) => peerId === peer);
      return node?.state === "live" && node.vaults.every(({ state }) => state === "active");
    });
    return { peer, kill: () => void child.kill("SIGKILL") };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}
