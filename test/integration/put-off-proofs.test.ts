// Proves with real processes that a vault which keeps nothing and never says a wrong word, since it answers `later` for ever when
// asked for a proof, is found by that alone: every other node shows it with its fault and its low conduct, its copies are made
// elsewhere, new chunks go round it, and no read fails meanwhile. The farm compares once a second, so that its patience is ten seconds.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type { Address } from "../../src/protocol/address.ts";
import { until } from "../support/deadline.ts";
import { assertAllRead, type KeptChunks, putChunk } from "../support/kept-chunks.ts";
import { type Liar, startLiar } from "../support/liar.ts";
import { type NodeFarm, startNodeFarm } from "../support/node-farm.ts";

// A quiet machine needs half a minute.
const withinMs = 300_000;
const chunkBytes = 16 * 1024;
const chunks: KeptChunks = new Map();
let farm: NodeFarm;
let liar: Liar | undefined;

before(async () => {
  farm = await startNodeFarm({ nodes: 5, compareEveryMs: 1_000 });
});
after(async () => {
  liar?.kill();
  await farm?.remove();
});

const putOne = (): Promise<Address> => putChunk(farm, chunks, chunkBytes);

/** How many of the sound nodes have each of `addresses`, the fewest. */
async function fewestHonest(addresses: Iterable<Address> = chunks.keys()): Promise<number> {
  const held = await Promise.all(
    farm.nodes.map(async (node) => {
      const { body } = await node.command("GET", "/v1/inventory?limit=10000");
      return new Set((body as { readonly addresses: readonly string[] }).addresses);
    }),
  );
  return Math.min(...[...addresses].map((address) => held.filter((list) => list.has(address)).length));
}

test("a vault that answers `later` for ever is found, shown and routed round, and no read fails", async () => {
  liar = await startLiar(farm, { putsOff: true });
  const { peer } = liar;
  for (let i = 0; i < 20; i += 1) await putOne();
  // A put is answered at four receipts, the liar's among them; the fifth copy follows.
  await until("it was given its share", async () => (await fewestHonest()) === 4);
  for (let i = 0; i < 40; i += 1) await putOne();
  await until(
    "every other node shows it as what it is, and believes it no more",
    async () => {
      await assertAllRead(farm, chunks);
      const shows = await Promise.all(
        farm.nodes.map(async (node) => {
          const { seen = [] } = await node.status();
          const vault = seen.find(({ peerId }) => peerId === peer);
          assert.equal(vault?.faults["wrong-proof"], undefined);
          const isLow = (vault?.faults["put-off"] ?? 0) > 0 && (vault?.conduct ?? 1) < 0.6;
          return isLow && (await node.metric("vaultfarm_distrusted_nodes")) === 1;
        }),
      );
      return shows.every(Boolean);
    },
    withinMs,
  );
  await until("five copies with those that keep them", async () => (await fewestHonest()) === 5, withinMs);
  await until("new chunks go round it", async () => (await fewestHonest([await putOne()])) === 5, withinMs);
  await assertAllRead(farm, chunks);
});
