// Proves with real processes that a farm finds out by itself what is wrong: nodes compare and challenge each other within
// minutes of their start, rot on one disk is seen by a neighbour, which shows it, and the chunks are there again; and that a vault
// which claims what it does not keep is routed round, and its copies are made elsewhere.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type { Address } from "../../src/protocol/address.ts";
import { readStopStatement } from "../../src/protocol/safe-to-stop.ts";
import { damageFolder } from "../support/damage.ts";
import { until } from "../support/deadline.ts";
import { assertAllRead, type KeptChunks, putChunk } from "../support/kept-chunks.ts";
import { type Liar, startLiar } from "../support/liar.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";

// Each peer has its turn in ten seconds here, of which a busy machine makes many more; a liar is believed until several audits went wrong.
const withinMs = 200_000;
const chunkBytes = 64 * 1024;
const chunks: KeptChunks = new Map();
let farm: NodeFarm;
let liar: Liar | undefined;

before(async () => {
  farm = await startNodeFarm({ nodes: 6, compareEveryMs: 10_000 });
  for (let i = 0; i < 40; i += 1) await putOne();
});
after(async () => {
  liar?.kill();
  await farm?.remove();
});

const putOne = (): Promise<Address> => putChunk(farm, chunks, chunkBytes);

async function sum(metric: string): Promise<number> {
  const values = await Promise.all(farm.nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

async function held(node: FarmNode): Promise<readonly string[]> {
  const { body } = await node.command("GET", "/v1/inventory?limit=10000");
  return (body as { readonly addresses: readonly string[] }).addresses;
}

async function inventory(node: FarmNode): Promise<number> {
  return (await held(node)).length;
}

async function honestCopies(): Promise<ReadonlyMap<string, number>> {
  const all = await Promise.all(farm.nodes.map(held));
  return new Map([...chunks.keys()].map((address) => [address, all.filter((list) => list.includes(address)).length]));
}

test("rot on one node's disk shows at a neighbour as that node's fault, and what was found rotten is there again", async () => {
  const [, rotten] = farm.nodes;
  assert.ok(rotten);
  const before = await inventory(rotten);
  assert.ok(before > 0 && (await damageFolder(rotten.dataDir)) >= before);
  await until(
    "a neighbour has seen it",
    async () => {
      const others = farm.nodes.filter((node) => node !== rotten);
      const statuses = await Promise.all(others.map((node) => node.status()));
      return statuses.flatMap(({ seen = [] }) => seen).find(({ peerId, faults }) => peerId === rotten.peer && (faults["missing"] ?? 0) > 0);
    },
    withinMs,
  );
  assert.ok((await rotten.metric("vaultfarm_spoilt_chunks_total")) > 0);
  await until("it holds as many as before", async () => (await inventory(rotten)) >= before, withinMs);
  await assertAllRead(farm, chunks);
});

test("nodes compared what they hold, and sound ones proved it", async () => {
  await until("comparisons", async () => (await sum('vaultfarm_comparisons_total{outcome="compared"}')) > 0, withinMs);
  await until("proofs", async () => (await sum('vaultfarm_audited_chunks_total{verdict="proven"}')) > 0, withinMs);
});

test("a vault that acknowledges and keeps nothing is found by the others, its copies are made elsewhere, and no read fails", async () => {
  liar = await startLiar(farm, { putsOff: false });
  const { peer } = liar;
  for (let i = 0; i < 60; i += 1) await putOne();
  // A put is answered at four receipts, the liar's among them; the fifth copy follows.
  await until("it was given some", async () => Math.min(...(await honestCopies()).values()) === 4);
  await until(
    "most others found it",
    async () => {
      await assertAllRead(farm, chunks);
      const found = await Promise.all(farm.nodes.map((node) => node.metric("vaultfarm_distrusted_nodes")));
      return found.reduce((sum, count) => sum + count, 0) > farm.nodes.length / 2;
    },
    4 * withinMs,
  );
  const statuses = await Promise.all(farm.nodes.map((node) => node.status()));
  const seen = statuses.flatMap((status) => status.seen ?? []).filter(({ peerId }) => peerId === peer);
  assert.ok(
    seen.some(({ faults, conduct }) => (faults["wrong-proof"] ?? 0) > 0 && conduct < 0.6),
    JSON.stringify(seen),
  );
  await until("five copies with those that keep them", async () => Math.min(...(await honestCopies()).values()) >= 5, withinMs);
  await until(
    "new chunks go round it",
    async () => {
      const address = await putOne();
      return (await honestCopies()).get(address) === 5;
    },
    withinMs,
  );
  await assertAllRead(farm, chunks);
});

test("a statement that a node may be stopped does not count what a liar claims", async () => {
  const [node] = farm.nodes;
  await until("it has found the liar itself", async () => (await node?.metric("vaultfarm_distrusted_nodes")) === 1, 3 * withinMs);
  // What it found acts at its next look at who keeps what.
  const statement = await until("a statement without the liar", async () => {
    const { status, body } = (await node?.command("POST", "/v1/safe-to-stop", { purpose: "removal" })) ?? assert.fail();
    if (status !== 200) return undefined;
    const read = readStopStatement(farm.genesis.networkId, Buffer.from((body as { readonly signed: string }).signed, "base64url"));
    assert.ok(read.ok);
    return read.value.stayers === 5 && read.value;
  });
  assert.ok(statement.short > 0, JSON.stringify(statement));
});
