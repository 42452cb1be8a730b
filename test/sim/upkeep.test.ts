// Proves in a whole farm on virtual time that rot and loss on a disk are found, counted by others to the node they happened
// to and to no other, and healed from the copies that are left; and that reads never fail meanwhile.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import type { SimNode } from "./sim-node.ts";
import { defaultSimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";

// The usual limits let minutes pass between two looks; here it is seconds, since each virtual minute costs real time.
const reconciliation = { roundMs: 10_000, turnMsMin: 500, auditEveryMs: 5_000, settleMs: 5_000 };
const second = 1000;
const chunkCount = 12;

/** Six nodes, of which each chunk lies on five. */
async function filledFarm(): Promise<{ world: SimWorld; chunks: Map<Address, Uint8Array> }> {
  const world = await startSimWorld({ ...defaultSimOptions, nodes: 6, reconciliation });
  const chunks = new Map<Address, Uint8Array>();
  for (let i = 0; i < chunkCount; i += 1) {
    const bytes = world.random.bytes(1000);
    const address = chunkAddress(bytes);
    await world.clock.runUntil(world.client.putChunk(address, bytes));
    chunks.set(address, bytes);
  }
  await world.clock.advance(10 * second);
  return { world, chunks };
}

it("a node that lets chunks rot and one that loses some are found by the others, and healed", async () => {
  const { world, chunks } = await filledFarm();
  const [rotten, forgetful, ...sound] = world.nodes;
  assert.ok(rotten && forgetful);
  const [rottenChunks, lostChunks] = [rotten, forgetful].map((node) => [...node.disk().addresses()]);
  assert.ok(rottenChunks && lostChunks && rottenChunks.length > 5 && lostChunks.length > 5);
  for (const address of rottenChunks) rotten.disk().damage(address);
  for (const address of lostChunks.slice(0, 4)) await world.clock.runUntil(forgetful.disk().remove(address));

  // With the eyes of one who sees all disks; a node whose chunks are not all sound again has a copy of each to come.
  const isSound = (node: SimNode, held: readonly Address[]): boolean => held.every((address) => node.disk().info(address) !== undefined);
  const noticed = (): boolean =>
    sound.some((node) =>
      node
        .upkeep()
        ?.scoreboard.scores()
        .some(({ faults }) => faults["missing"] !== undefined),
    );
  for (let waited = 0; waited < 240; waited += 20) {
    for (const [address, bytes] of chunks) assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), bytes);
    await world.clock.advance(20 * second);
    if (noticed() && isSound(forgetful, lostChunks)) break;
  }
  assert.ok(noticed(), "no other node has noticed anything");
  await world.clock.advance(60 * second);
  for (const [node, held] of [
    [rotten, rottenChunks],
    [forgetful, lostChunks],
  ] as const)
    for (const address of held) assert.equal((await node.disk().get(address)).kind, "found", `${address} on node ${node.number}`);
  for (const { peer, conduct } of sound.flatMap((node) => node.upkeep()?.scoreboard.scores() ?? []))
    if (peer !== rotten.peer && peer !== forgetful.peer) assert.equal(conduct, 1);
  await world.stop();
});
