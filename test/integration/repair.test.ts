// Proves with real processes that copies are made again: two nodes, then three more are killed for good, each time after
// the farm was whole again, and everything still reads from the three that are left; a ninth node gets its share while others
// read and write.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

const repairWithinMs = 240_000;
// Readers and writers without a pause take most of a small machine from the nodes.
const joinWithinMs = 400_000;
const chunkBytes = 256 * 1024;
const writtenMax = 40;
const chunks = new Map<Address, Uint8Array>();
const dead = new Set<FarmNode>();
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 8, repairDelayMs: 2_000 });
  for (let i = 0; i < 80; i += 1) await putOne();
});
after(() => farm?.remove());

async function putOne(): Promise<void> {
  const bytes = new Uint8Array(noise(chunkBytes, chunks.size));
  const address = chunkAddress(bytes);
  await farm.client.putChunk(address, bytes);
  chunks.set(address, bytes);
}

const live = (): readonly FarmNode[] => farm.nodes.filter((node) => !dead.has(node));

async function heldBy(nodes: readonly FarmNode[]): Promise<ReadonlyMap<string, number>> {
  const held = new Map<string, number>();
  for (const node of nodes) {
    const { body } = await node.command("GET", "/v1/inventory?limit=10000");
    for (const address of (body as { readonly addresses: readonly string[] }).addresses) held.set(address, (held.get(address) ?? 0) + 1);
  }
  return held;
}

async function fewestCopies(): Promise<number> {
  const held = await heldBy(live());
  return Math.min(...[...chunks.keys()].map((address) => held.get(address) ?? 0));
}

async function moved(): Promise<number> {
  const sent = await Promise.all(live().map((node) => node.metric("vaultfarm_copies_made_bytes_total")));
  return sent.reduce((sum, bytes) => sum + bytes, 0);
}

async function assertAllRead(): Promise<void> {
  for (const [address, bytes] of chunks) assert.ok(Buffer.from(await farm.client.getChunk(address)).equals(bytes), address);
}

async function killForGood(...nodes: readonly (FarmNode | undefined)[]): Promise<void> {
  for (const node of nodes) {
    assert.ok(node);
    dead.add(node);
    await node.kill();
  }
}

// That the share itself is a ninth of the data is proved where it is decided, over many farms: src/protocol/closest-load.test.ts.
// Of one farm with eighty chunks it is a draw: a bound of 1.1 ninths would fail one run in six.
test("a ninth node gets its share, no more than 1.1 times that is sent; reads and writes go on meanwhile, and nothing fails", async () => {
  const sentBefore = await moved();
  const joining = { now: true, written: 0 };
  // Each ends with the first read or write that fails; so many writes are a farm half as full again.
  const whileJoining = async (work: () => Promise<void>): Promise<void> => {
    while (joining.now) await work();
  };
  const customers = Promise.all([
    whileJoining(assertAllRead),
    whileJoining(async () => {
      if (joining.written >= writtenMax) return assertAllRead();
      await putOne();
      joining.written += 1;
    }),
  ]);
  const join = async (): Promise<FarmNode> => {
    try {
      const node = await farm.grow();
      const isActive = async (): Promise<boolean> => (await node.status()).vaults.every(({ state }) => state === "active");
      await until("the ninth node is active", isActive, joinWithinMs);
      return node;
    } finally {
      joining.now = false;
    }
  };
  const [ninth] = await Promise.all([join(), customers]);
  assert.ok(joining.written > 0);
  await assertAllRead();
  assert.ok((await fewestCopies()) >= 4, "something written meanwhile has too few copies");
  const sent = (await moved()) - sentBefore;
  const share = (await heldBy([ninth])).size * chunkBytes;
  assert.ok(share > 0);
  assert.ok(sent <= 1.1 * share, `sent ${sent} bytes for a share of ${share}`);
});

test("two nodes killed for good: every chunk has its five copies again", async () => {
  await killForGood(farm.nodes[1], farm.nodes[4]);
  await until("five copies", async () => (await fewestCopies()) >= 5, repairWithinMs);
  await assertAllRead();
});

test("three more: five copies on the four nodes left are four, and everything reads", async () => {
  await killForGood(farm.nodes[0], farm.nodes[3], farm.nodes[8]);
  await until("a copy on every node", async () => (await fewestCopies()) === 4, repairWithinMs);
  await killForGood(farm.nodes[2], farm.nodes[5], farm.nodes[6]);
  await assertAllRead();
});
