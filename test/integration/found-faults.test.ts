// Proves with real processes that a farm finds out by itself what is wrong: nodes compare and challenge each other within
// minutes of their start, rot on one disk is seen by a neighbour, which shows it, and the chunks are there again.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { damageFolder } from "../support/damage.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

// Each peer has its turn within three minutes; the first of five neighbours comes far sooner.
const withinMs = 200_000;
const chunks = new Map<Address, Uint8Array>();
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 6 });
  for (let i = 0; i < 40; i += 1) {
    const bytes = new Uint8Array(noise(64 * 1024, i));
    const address = chunkAddress(bytes);
    await farm.client.putChunk(address, bytes);
    chunks.set(address, bytes);
  }
});
after(() => farm?.remove());

async function sum(metric: string): Promise<number> {
  const values = await Promise.all(farm.nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

async function inventory(node: FarmNode): Promise<number> {
  const { body } = await node.command("GET", "/v1/inventory?limit=10000");
  return (body as { readonly addresses: readonly string[] }).addresses.length;
}

test("rot on one node's disk shows at a neighbour as that node's fault, and what was found rotten is there again", async () => {
  const [, rotten] = farm.nodes;
  assert.ok(rotten);
  const before = await inventory(rotten);
  assert.ok(before > 0 && (await damageFolder(rotten.dataDir)) >= before);
  const seen = await until(
    "a neighbour has seen it",
    async () => {
      const others = farm.nodes.filter((node) => node !== rotten);
      const statuses = await Promise.all(others.map((node) => node.status()));
      return statuses.flatMap(({ seen = [] }) => seen).find(({ peerId, faults }) => peerId === rotten.peer && (faults["missing"] ?? 0) > 0);
    },
    withinMs,
  );
  assert.ok(seen.conduct <= 1);
  assert.ok((await rotten.metric("vaultfarm_spoilt_chunks_total")) > 0);
  await until("it holds as many as before", async () => (await inventory(rotten)) >= before, withinMs);
  for (const [address, bytes] of chunks) assert.ok(Buffer.from(await farm.client.getChunk(address)).equals(bytes), address);
});

test("nodes compared what they hold, and sound ones proved it", async () => {
  await until("comparisons", async () => (await sum('vaultfarm_comparisons_total{outcome="compared"}')) > 0, withinMs);
  await until("proofs", async () => (await sum('vaultfarm_audited_chunks_total{verdict="proven"}')) > 0, withinMs);
});
