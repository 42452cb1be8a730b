// Proves that a farm whose folder was moved away under it still ends on Ctrl-C: no process stays behind, and what went wrong is said;
// and that a node whose own folder is gone says so in its status and takes no more chunks.
import { strict as assert } from "node:assert";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import type { NodeStatus } from "../../src/protocol/node-status.ts";
import { until } from "../support/deadline.ts";
import { startFarm } from "../support/farm.ts";
import { startNodeFarm } from "../support/node-farm.ts";

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

test("a node without its folder says that its disk is gone, goes on answering, and takes no more chunks", {
  timeout: 180_000,
}, async () => {
  const farm = await startNodeFarm({ nodes: 1 });
  const [node] = farm.nodes;
  assert.ok(node);
  try {
    await rename(node.dataDir, `${node.dataDir}-moved`);
    const cordoned = async (): Promise<NodeStatus | false> => {
      const status = await node.status();
      return status.vaults.every(({ state }) => state === "cordoned") && status;
    };
    const { store } = await until("its vaults are cordoned", cordoned, 120_000);
    assert.deepEqual(store, { mode: "read-only", why: "the disk fails (ENOENT)" });
    assert.equal(await node.metric("vaultfarm_store_writable"), 0);
  } finally {
    await farm.remove();
  }
});
