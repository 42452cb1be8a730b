// Proves with the real command line that a new farm's nodes are confirmed by the owner, that a farm which lost three of four
// says partitioned, and that `declare-lost` says what it assumes, refuses nodes that answer, and gets the farm going again.
import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { NodeLine } from "../../src/cli/local-farm/farm-view.ts";
import { until } from "../support/deadline.ts";
import { type Farm, killNode, startFarm } from "../support/farm.ts";

let farm: Farm;
before(async () => {
  farm = await startFarm({ nodes: 4, gateways: 1, args: ["--no-restart"] });
});
after(() => farm?.remove());

const node = (index: number): NodeLine => farm.view.nodes[index] ?? assert.fail();
const membershipOf = async ({ name }: NodeLine): Promise<NodeLine["membership"]> =>
  (await farm.status()).nodes.find((line) => line.name === name)?.membership;

test("once all nodes run, all are confirmed by the owner's certificate, which is kept", async () => {
  await until("four confirmed", async () => {
    const { nodes } = await farm.status();
    // Each node says how many it can reach; for a moment after the last one came, some have not heard from it.
    return nodes.every(({ membership }) => membership?.isConfirmed && membership.text === "4 of 4 confirmed nodes reachable");
  });
  assert.ok((await readFile(join(farm.data, "network", "first-certificate"))).length > 0);
  assert.match((await farm.run("status")).out, /\n {2}members {3}4 of 4 confirmed nodes reachable\n/);
});

test("nodes that answer are not lost, and unknown ones are not guessed", async () => {
  const alive = await farm.run("declare-lost", node(0).name);
  assert.deepEqual([alive.code, alive.err.includes("answers: it is not lost")], [5, true]);
  assert.equal((await farm.run("declare-lost", "nobody")).code, 3);
});

test("three of four killed: partitioned; declared lost, the one that is left goes on alone", async () => {
  const lost = [node(1), node(2), node(3)];
  for (const one of lost) await killNode(farm, one);
  await until("partitioned", async () => (await membershipOf(node(0)))?.text === "partitioned (1 of 4 reachable, 3 needed)");
  const names = lost.map(({ name, peerId }, i) => (i === 0 ? (peerId ?? "").slice(-6) : name));
  const dry = await farm.run("declare-lost", ...names, "--dry-run");
  assert.deepEqual([dry.code, dry.out.includes("1 confirmed nodes are left"), dry.out.includes("nothing was signed")], [0, true, true]);
  assert.equal((await membershipOf(node(0)))?.sequence, 1);
  const said = JSON.parse((await farm.run("declare-lost", ...names, "--json")).out) as {
    signed: boolean;
    lost: unknown[];
    assumes: string[];
  };
  assert.deepEqual([said.signed, said.lost.length, said.assumes.length], [true, 3, 3]);
  await until("one confirmed", async () => (await membershipOf(node(0)))?.confirmed === 1);
  assert.match((await membershipOf(node(0)))?.text ?? "", /1 of 1 confirmed nodes reachable; tolerates no lying or lost holder/);
});
