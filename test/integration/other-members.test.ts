// Proves with real processes that whoever minds all nodes of a network but one sees that one, and in his count what only that one
// counts: after a loss the own nodes' count alone says that nothing lacks copies; and that he waits for it no longer than it lives.
// Method: seven nodes, one chunk, so that one node counts it: that one is not ours. No copies are made again meanwhile.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { countCopies } from "../../src/operator/node-access/node-report.ts";
import type { OtherMembers } from "../../src/operator/vault-farm/observed.ts";
import { countWithOthers, createMembersTally } from "../../src/operator/vault-farm/other-members.ts";
import { type Address, chunkAddress, parseAddress } from "../../src/protocol/address.ts";
import { createPlaceIndex, purposeBits } from "../../src/protocol/closest.ts";
import type { LowCopies } from "../../src/protocol/node-figures.ts";
import type { NodeStatus } from "../../src/protocol/node-status.ts";
import { until } from "../support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { noise } from "../support/objects.ts";

const policy = { min: 4, target: 5, max: 8 };
const nowhere: LowCopies = { belowMin: 0, lowest: policy.max };
let farm: NodeFarm;
before(async () => {
  farm = await startNodeFarm({ nodes: 7, repairDelayMs: 3_600_000, compareEveryMs: 2_000 });
});
after(() => farm?.remove());

type Counts = { readonly alone: LowCopies | undefined; readonly sum: LowCopies | undefined; readonly others: OtherMembers | undefined };

/** What is counted by those that mind these nodes: by the nodes alone, and with what they tell of others. */
async function countOf(own: readonly FarmNode[]): Promise<Counts> {
  const statuses = await Promise.all(own.map((node) => node.status()));
  const tally = createMembersTally(statuses[0]?.networkId ?? assert.fail());
  for (const status of statuses) tally.add(status);
  const alone = countCopies(statuses, policy);
  const { count, others } = countWithOthers(
    alone,
    tally.told(),
    new Set(farm.nodes.filter((node) => node !== counter).map(({ peer }) => peer)),
  );
  return { alone, sum: count === undefined ? undefined : { belowMin: count.belowMin, lowest: count.lowest }, others };
}

/** The last of the five that hold a chunk: the first two remember it to count it, and one of these must be left of them. */
async function farthestHolder(address: Address): Promise<FarmNode> {
  const index = createPlaceIndex({ placeUnit: farm.genesis.placeUnit });
  for (const { vaults, peerId, zone, host } of await Promise.all(farm.nodes.map((node) => node.status())))
    for (const { name, capacity } of vaults) {
      const vault = parseAddress(name) ?? assert.fail(name);
      index.add({ vault, node: peerId, zone, host, capacity, purposes: purposeBits.all });
    }
  const last = index.closest(address, policy.target, "all").vaults.at(-1)?.node;
  return farm.nodes.find(({ peer }) => peer === last) ?? assert.fail("five hold it");
}

let counter: FarmNode;
const chunksOf = ({ copies }: NodeStatus): number => (copies?.live ?? []).reduce((sum, chunks) => sum + chunks, 0);

test("what only a node that is not ours counts is in the count, and it is waited for while it lives", { timeout: 300_000 }, async () => {
  const bytes = new Uint8Array(noise(256 * 1024, 1));
  await farm.client.putChunk(chunkAddress(bytes), bytes);
  const findCounter = async (): Promise<FarmNode | undefined> => {
    const statuses = await Promise.all(farm.nodes.map((node) => node.status()));
    const index = statuses.findIndex((status) => chunksOf(status) === 1 && status.copies?.live.at(-1) === 1);
    return statuses.some(({ copies }) => copies === undefined || copies.partial) ? undefined : farm.nodes[index];
  };
  counter = await until("one node counts the chunk with five copies", findCounter, 120_000);
  const own = farm.nodes.filter((node) => node !== counter);
  const told = await until("it has told so", async () => {
    const counts = await countOf(own);
    return counts.sum?.lowest === 5 && counts;
  });
  assert.deepEqual(told, { alone: nowhere, sum: { belowMin: 0, lowest: 5 }, others: { live: 1, uncounted: 0, named: [], taking: 1 } });

  const lost = await farthestHolder(chunkAddress(bytes));
  assert.ok(lost !== counter, "the farthest holder counts nothing");
  await lost.kill();
  const left = own.filter((node) => node !== lost);
  const missing = await until("the loss shows", async () => {
    const counts = await countOf(left);
    return counts.sum?.lowest === 4 && counts;
  });
  assert.deepEqual(missing.alone, nowhere, "by our own nodes alone nothing would lack copies");
  assert.equal(missing.others?.live, 1, "our own that is gone is nobody else's");

  await counter.kill();
  const alone = await until("we count what it counted, and wait for it no more", async () => {
    const counts = await countOf(left);
    return counts.others === undefined && counts.sum?.lowest === 3 && counts;
  });
  assert.deepEqual(alone.sum, { belowMin: 1, lowest: 3 });
});
