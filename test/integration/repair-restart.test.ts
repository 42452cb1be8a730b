// Proves with six real nodes that repair which is cut off goes on: one node goes and stays away, the one that makes most of
// its copies again is killed amid that and started again, and every chunk gets its five copies without more than a fifth of that being sent twice.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { until } from "../support/deadline.ts";
import { assertAllRead, type KeptChunks, putChunk } from "../support/kept-chunks.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";

const chunkBytes = 2 ** 20;
const chunkCount = 320;
// A node sends no more than 25 MiB at once and as much each second: of the 53 MiB that each has to send here the rest takes a second.
const bytesMade = "vaultfarm_copies_made_bytes_total";
const bytesWaiting = "vaultfarm_copies_waiting_bytes";
const repairWithinMs = 180_000;
const chunks: KeptChunks = new Map();
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 6, repairDelayMs: 2_000, vaultCapacity: 512 * 2 ** 20 });
  for (let n = 0; n < chunkCount; n += 1) await putChunk(farm, chunks, chunkBytes);
});
after(() => farm?.remove());

async function held(node: FarmNode): Promise<readonly string[]> {
  const { body } = await node.command("GET", "/v1/inventory?limit=10000");
  return (body as { readonly addresses: readonly string[] }).addresses;
}

/** How many copies the chunk with the fewest has on `nodes`, by what lies there. */
async function fewestCopies(nodes: readonly FarmNode[]): Promise<number> {
  const there = (await Promise.all(nodes.map(held))).map((addresses) => new Set(addresses));
  return Math.min(...[...chunks.keys()].map((address) => there.filter((addresses) => addresses.has(address)).length));
}

async function sum(nodes: readonly FarmNode[], metric: string): Promise<number> {
  const values = await Promise.all(nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

type Coordinator = { readonly node: FarmNode; readonly made: number; readonly waiting: number };

/** The node that has most to send, once it has sent something; `before`: what each had sent by then. */
async function busiest(nodes: readonly FarmNode[], before: readonly number[]): Promise<Coordinator | undefined> {
  const sent = async (node: FarmNode): Promise<number> => (await node.metric(bytesMade)) - (before[nodes.indexOf(node)] ?? 0);
  const all = await Promise.all(nodes.map(async (node) => ({ node, made: await sent(node), waiting: await node.metric(bytesWaiting) })));
  const begun = all.filter(({ made, waiting }) => made > 0 && waiting > 0);
  return begun.sort((a, b) => b.waiting - a.waiting)[0];
}

test("the coordinator of most copies killed amid repair and started again: five copies of all, and little is sent twice", async (context) => {
  await until("five copies", async () => (await fewestCopies(farm.nodes)) >= 5);
  const [leaver = assert.fail(), ...left] = farm.nodes;
  // A put that had four copies in time leaves the fifth to repair: what was made so far is no part of what follows.
  const before = await Promise.all(left.map((node) => node.metric(bytesMade)));
  const lost = (await held(leaver)).length * chunkBytes;
  // It says that it will be back, so that nobody has to agree on its silence, and never is.
  await leaver.terminate();
  const { node, made, waiting } = await until("repair is under way", () => busiest(left, before), repairWithinMs);
  await node.kill();
  assert.ok(waiting > 0, "it had more to send");
  assert.ok((await fewestCopies(left.filter((other) => other !== node))) < 4, "copies are missing beside its own");
  const again = await farm.restart(node);
  const all = left.map((other) => (other === node ? again : other));
  await until("five copies again", async () => (await fewestCopies(all)) >= 5, repairWithinMs);
  // The one that was started again counts from nought.
  const others = left.filter((other) => other !== node);
  const othersBefore = before.filter((_, index) => left[index] !== node).reduce((total, value) => total + value, 0);
  const moved = made + (await again.metric(bytesMade)) + (await sum(others, bytesMade)) - othersBefore;
  context.diagnostic(`${moved} bytes sent for ${lost} that were lost, of them ${made} by the coordinator before it was killed`);
  assert.ok(moved <= 1.2 * lost, `${moved} bytes were sent for ${lost} that were lost`);
  await assertAllRead(farm, chunks);
});
