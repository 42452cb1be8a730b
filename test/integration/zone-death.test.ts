// Proves with labelled local nodes that the death of a whole zone loses nothing: of nine nodes in three zones all three of one
// are killed at once; every chunk has copies in each other zone, reads, and has its five copies again on the six that are left.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

const zones = ["north", "east", "south"];
const chunks = new Map<Address, Uint8Array>();
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 9, zones, repairDelayMs: 2_000 });
  for (let i = 0; i < 60; i += 1) {
    const bytes = new Uint8Array(noise(16 * 1024, i));
    const address = chunkAddress(bytes);
    await farm.client.putChunk(address, bytes);
    chunks.set(address, bytes);
  }
});
after(() => farm?.remove());

async function fewestCopies(nodes: readonly FarmNode[]): Promise<number> {
  const held = new Map<string, number>();
  for (const node of nodes) {
    const { body } = await node.command("GET", "/v1/inventory?limit=10000");
    for (const address of (body as { readonly addresses: readonly string[] }).addresses) held.set(address, (held.get(address) ?? 0) + 1);
  }
  return Math.min(...[...chunks.keys()].map((address) => held.get(address) ?? 0));
}

test("all nodes of a zone killed at once: at least one copy in each other zone, nothing lost, five copies again", async () => {
  const [gone = assert.fail(), ...left] = zones;
  await until("five copies", async () => (await fewestCopies(farm.nodes)) >= 5);
  for (const zone of left) assert.ok((await fewestCopies(farm.nodes.filter((node) => node.zone === zone))) >= 1, zone);
  await Promise.all(farm.nodes.filter((node) => node.zone === gone).map((node) => node.kill()));
  for (const [address, bytes] of chunks) assert.ok(Buffer.from(await farm.client.getChunk(address)).equals(bytes), address);
  const survivors = farm.nodes.filter((node) => node.zone !== gone);
  await until("five copies on six nodes", async () => (await fewestCopies(survivors)) >= 5, 240_000);
});
