// Proves with real processes what a vault that is full does: it keeps within what it declared, others take what it refuses, and it
// tells readers who, also after it was killed and started again.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

const mib = 1024 * 1024;
// The smallest there is: a third of what its share of the chunks below takes.
const tinyCapacity = 16 * mib;
const chunks = new Map<Address, Uint8Array>();
let farm: NodeFarm;
let tiny: FarmNode;

before(async () => {
  farm = await startNodeFarm({ nodes: 6 });
  tiny = await farm.grow({ vaultCapacity: tinyCapacity });
  await until("all have met", () => farm.client.network().nodes.filter(({ state }) => state === "live").length === 7);
  await until("it takes part", async () => (await tiny.status()).vaults.every(({ state }) => state === "active"));
  for (let i = 0; i < 100; i += 1) {
    const bytes = new Uint8Array(noise(mib, i));
    const address = chunkAddress(bytes);
    await farm.client.putChunk(address, bytes);
    chunks.set(address, bytes);
  }
});
after(() => farm?.remove());

async function assertAllRead(): Promise<void> {
  await Promise.all(
    [...chunks].map(async ([address, bytes]) => {
      assert.ok(Buffer.from(await farm.client.getChunk(address)).equals(bytes), address);
    }),
  );
}

async function assertWithinDeclared(): Promise<void> {
  for (const { used, capacity } of (await tiny.status()).vaults) {
    assert.equal(capacity, tinyCapacity);
    assert.ok(used <= capacity, `${used} bytes of ${capacity}`);
  }
}

test("a full vault refuses, knows who took what it refused, and readers are sent there", async () => {
  assert.ok((await tiny.metric('vaultfarm_refused_chunks_total{reason="full"}')) > 0, "nothing was refused");
  await until("it knows who took what", async () => (await tiny.metric("vaultfarm_pointers")) > 0);
  await assertWithinDeclared();
  await until("a reader was sent there", async () => {
    await assertAllRead();
    return (await tiny.metric("vaultfarm_pointed_chunks_total")) > 0;
  });
});

test("killed and started again it still knows, and everything reads", async () => {
  const before = await tiny.metric("vaultfarm_pointers");
  tiny = await farm.restart(tiny);
  assert.ok((await tiny.metric("vaultfarm_pointers")) >= before);
  await assertWithinDeclared();
  await assertAllRead();
});
