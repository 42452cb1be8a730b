// Proves that a farm whose folder was moved away under it still ends on Ctrl-C: no process stays behind, and what went wrong is said.
import { strict as assert } from "node:assert";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import { until } from "../support/deadline.ts";
import { startFarm } from "../support/farm.ts";

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("a farm without its folder stops all its processes", { timeout: 180_000 }, async () => {
  const farm = await startFarm({ nodes: 5, gateways: 1 });
  const pids = [...farm.view.nodes, ...farm.view.gateways].map(({ pid }) => pid ?? assert.fail());
  try {
    await rename(farm.data, `${farm.folder}/moved`);
    assert.notEqual(await farm.stop(), 0);
    await until("all processes are gone", async () => !pids.some(runs), 30_000);
  } finally {
    await farm.remove();
  }
});
