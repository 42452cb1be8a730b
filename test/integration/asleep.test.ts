// Proves that a machine which sleeps and wakes costs nothing: every process of a farm is frozen for a while and thawed;
// afterwards every read and write succeeds within five seconds, no node was given up, and no copy was made again. The freeze lasts 5 s, in CI 60 s
// (or VAULTFARM_ASLEEP_SECONDS): here time itself is what is tested.
import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, store } from "../support/objects.ts";

const seconds = Number(process.env["VAULTFARM_ASLEEP_SECONDS"] ?? (process.env["CI"] === "true" ? 60 : 5));
// Longer than chunks without enough live copies wait for repair: a hundredth of the delay, and the nodes' ticks and looks.
const repairsWithinMs = 15_000;
const copiesRepaired = 'vaultfarm_copies_made_total{why="repair"}';
let farm: Farm;
before(async () => {
  farm = await startFarm();
});
after(() => farm?.remove());

test(`all processes frozen for ${seconds} s and thawed: reads and writes go on`, async () => {
  const bytes = noise(9 * 2 ** 20, 4);
  const stored = await store(farm.gateway(0), bytes);
  // What a put leaves to be finished counts as repair too.
  await until("five copies of all", async () => {
    const { copies } = (await (await fetch(`${farm.gateway(0)}/v1/network`)).json()) as { copies: { lowest: number | null } };
    return copies.lowest === 5;
  });
  const repairedBefore = await sum(copiesRepaired);
  const members = [...farm.view.nodes, ...farm.view.gateways].flatMap(({ pid }) => pid ?? []);
  const all = [farm.upPid, ...members];
  for (const pid of all) process.kill(pid, "SIGSTOP");
  try {
    await sleep(seconds * 1000);
  } finally {
    for (const pid of all) process.kill(pid, "SIGCONT");
  }
  await until("a read succeeds", () => assertReads(farm.gateway(1), stored.address, bytes).then(() => true), 5000);
  for (const index of [0, 1]) await assertReads(farm.gateway(index), stored.address, bytes);
  const after = await until("all nodes are ready", async () => {
    const view = await farm.status();
    return view.nodes.every(({ state }) => state === "ready") && view;
  });
  assert.deepEqual(
    after.nodes.map(({ pid }) => pid),
    farm.view.nodes.map(({ pid }) => pid),
    "no process ended because of the sleep",
  );
  await sleep(repairsWithinMs);
  assert.equal(await sum("vaultfarm_nodes_confirmed_silent"), 0);
  assert.equal((await sum(copiesRepaired)) - repairedBefore, 0);
  const next = await store(farm.gateway(1), noise(2 ** 20, 5));
  assert.ok(next.copies.min >= 4);
});

/** A series of all nodes together; one that a node does not tell fails. */
async function sum(series: string): Promise<number> {
  const { nodes } = JSON.parse(await readFile(join(farm.data, "farm.json"), "utf8")) as { nodes: { ports: { health: number } }[] };
  const values = nodes.map(async ({ ports }) => {
    const lines = (await (await fetch(`http://127.0.0.1:${ports.health}/metrics`)).text()).split("\n");
    return Number(
      lines
        .find((line) => line.startsWith(`${series} `))
        ?.split(" ")
        .at(-1) ?? assert.fail(series),
    );
  });
  return (await Promise.all(values)).reduce((total, value) => total + value, 0);
}
