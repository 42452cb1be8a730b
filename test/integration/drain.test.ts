// Proves on a real farm, by the real commands, that a node drains until nothing depends on it: interrupted and taken up
// again, cancelled, then to the end; killed afterwards it is missed by nobody; and that a farm with too few nodes keeps its own.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type CommandResult, startCommand } from "../support/command.ts";
import { until } from "../support/deadline.ts";
import { type Farm, killNode, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const content = noise(20 * 2 ** 20 + 5, 11);
let farm: Farm;
let stored: Stored;

before(async () => {
  farm = await startFarm({ nodes: 6, gateways: 1, args: ["--no-restart"] });
  stored = await store(farm.gateway(0), content);
});
after(() => farm?.remove());

const nodeName = (index: number): string => farm.view.nodes[index]?.name ?? assert.fail();
const stateOf = async (index: number): Promise<string | undefined> => (await farm.status()).nodes[index]?.vaults[0]?.state;
const errorOf = ({ err }: CommandResult): string => (JSON.parse(err) as { readonly error: { readonly code: string } }).error.code;

test("a node nobody knows is named as such", async () => {
  const { code, err } = await farm.run("drain", "attic-nobody", "--json");
  assert.equal(code, 3);
  assert.equal((JSON.parse(err) as { readonly error: { readonly code: string } }).error.code, "no-node");
});

test("Ctrl-C leaves the drain going, undrain cancels it", async () => {
  const command = startCommand(["drain", nodeName(1)], farm.folder);
  let said = "";
  command.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await until("it says how far it is", () => said.includes("chunks"));
  command.kill("SIGINT");
  await until("the command has ended", () => command.exitCode !== null);
  assert.equal(command.exitCode, 130, said);
  assert.match(said, /goes on draining/);
  assert.equal(await stateOf(1), "draining");
  assert.equal((await farm.run("undrain", nodeName(1))).code, 0);
  await until("the node takes part again", async () => (await stateOf(1)) === "active");
});

test("a drained node may be stopped: it still runs, and without it everything is there", async () => {
  const { code, out, err } = await farm.run("drain", nodeName(2), "--json");
  assert.equal(code, 0, err);
  const { node, mayBeStopped, chunks } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([node, mayBeStopped, chunks !== 0], [nodeName(2), true, true]);
  const there = farm.view.nodes[2] ?? assert.fail();
  assert.equal((await farm.status()).nodes[2]?.pid, there.pid, "nobody stopped it");
  await killNode(farm, there);
  await assertReads(farm.gateway(0), stored.address, content);
});

test("with one node more than the copies promised gone, the next may not go: refused, and nothing changed", async () => {
  await killNode(farm, farm.view.nodes[3] ?? assert.fail());
  const refused = await farm.run("drain", nodeName(0), "--json");
  assert.deepEqual([refused.code, errorOf(refused)], [5, "too-few-nodes"]);
  assert.equal(await stateOf(0), "active");
  await assertReads(farm.gateway(0), stored.address, content);
});
