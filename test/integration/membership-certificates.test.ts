// Proves with five real node processes that the owner's certificate confirms all, that two killed for good leave by
// certificate, that a minority of what is left changes nothing and says so while it still serves chunks, that the owner's
// word gets it going again, that who comes back is let in, and that the network's key alone brings nobody a chunk.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import type { MembershipStatus } from "../../src/protocol/node-status.ts";
import type { PeerId } from "../../src/protocol/peer-id.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

// Nobody confirms a silence in its first two minutes; the rest is room for a busy machine.
const leaveWithinMs = 300_000;
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 5, repairDelayMs: 2_000 });
});
after(() => farm?.remove());

const at = (index: number): FarmNode => {
  const node = farm.nodes[index];
  assert.ok(node);
  return node;
};
const membership = async (node: FarmNode): Promise<MembershipStatus | undefined> => (await node.status()).membership;
const peers = (...nodes: readonly FarmNode[]): readonly PeerId[] => nodes.map(({ peer }) => peer).sort();

async function all(what: string, nodes: readonly FarmNode[], holds: (seen: MembershipStatus) => boolean): Promise<void> {
  const one = async (node: FarmNode): Promise<boolean> => {
    const seen = await membership(node);
    return seen !== undefined && holds(seen);
  };
  await until(what, async () => (await Promise.all(nodes.map(one))).every(Boolean), leaveWithinMs);
}

test("the owner's first certificate, given to one node, confirms all five on all five", async () => {
  assert.equal((await membership(at(0)))?.state, "unfounded");
  const answer = await farm.certify(at(0), { sequence: 1, joining: peers(...farm.nodes), leaving: [] });
  assert.equal(answer.status, 200);
  await all("five confirmed", farm.nodes, ({ confirmed, isConfirmed }) => confirmed === 5 && isConfirmed);
  assert.equal(await at(3).metric("vaultfarm_confirmed_nodes"), 5);
});

test("a sixth node with a grant joins by certificate", async () => {
  await farm.grow();
  await all("six confirmed", farm.nodes, ({ confirmed }) => confirmed === 6);
  assert.ok((await membership(at(5)))?.isConfirmed);
});

test("one with the network's key and no grant of the owner is met by all, and nobody gives it a chunk", async () => {
  const stranger = await farm.startStranger();
  await until("all meet it", async () => {
    const seen = await Promise.all(farm.nodes.map((node) => node.views()));
    return seen.every((views) => views.some(({ peerId, state }) => peerId === stranger.peer && state === "live"));
  });
  for (let seed = 100; seed < 130; seed += 1) {
    const bytes = new Uint8Array(noise(16 * 1024, seed));
    await farm.client.putChunk(chunkAddress(bytes), bytes);
  }
  const kept = async (node: FarmNode): Promise<number> => (await node.status()).vaults.reduce((sum, { chunks }) => sum + chunks, 0);
  // What was put is finished to target after it is stored.
  await until(
    "all have their copies",
    async () => (await Promise.all(farm.nodes.map(kept))).reduce((sum, chunks) => sum + chunks) >= 5 * 30,
  );
  assert.equal(await kept(stranger), 0);
  await stranger.kill();
});

test("two killed for good leave by certificate", async () => {
  await at(4).kill();
  await at(5).kill();
  await all("four confirmed", farm.nodes.slice(0, 4), ({ confirmed, state }) => confirmed === 4 && state === "whole");
});

test("two of four are no majority: nobody leaves, both say partitioned, chunks are still served", async () => {
  const bytes = new Uint8Array(noise(64 * 1024, 1));
  const address: Address = chunkAddress(bytes);
  await farm.client.putChunk(address, bytes);
  const sequence = (await membership(at(0)))?.sequence;
  await at(2).kill();
  await at(3).kill();
  const left = [at(0), at(1)];
  await all("partitioned", left, ({ text }) => text === "partitioned (2 of 4 reachable, 3 needed)");
  assert.ok(Buffer.from(await farm.client.getChunk(address)).equals(bytes));
  assert.equal(await at(0).metric("vaultfarm_membership_partitioned"), 1);
  // Long after a majority would have taken them out: both are confirmed as silent, and the delay has passed.
  await until("silence is confirmed", async () => (await at(0).metric("vaultfarm_nodes_confirmed_silent")) >= 2, leaveWithinMs);
  assert.equal((await membership(at(0)))?.sequence, sequence);
  const seen = await membership(at(0));
  assert.ok(seen);
  const word = { sequence: seen.sequence + 1, previous: seen.head, joining: [], leaving: peers(at(2), at(3)) };
  assert.equal((await farm.certify(at(0), word)).status, 200);
  await all("two confirmed", left, ({ confirmed, state }) => confirmed === 2 && state === "whole");
  assert.match((await membership(at(1)))?.text ?? "", /tolerates no lying or lost holder/);
});
