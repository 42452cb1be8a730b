// Proves in a whole farm on virtual time that a farm which grows from 8 nodes to 60 at once stays readable through all of it: the
// copies come to their new places in bounded time, no read fails meanwhile though chunks lie beyond the sixteen closest nodes, and
// no copy is dropped before five others have it. Fixed seed; copies are sent slowly and to one node after another, so that
// nodes become active while others still wait for theirs.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { clientLimits } from "../../src/client/client-limits.ts";
import { readCircles, readCounts } from "../../src/client/read-decision.ts";
import { membershipLimits } from "../../src/network/membership/membership-limits.ts";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { announcerLimits } from "../../src/vault-node/announcer.ts";
import { keepingTimes, minute } from "./keeping-times.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";

const [before, after] = [8, 60];
const chunkCount = 80;
const chunkBytes = 400;
const second = 1000;
const never = 60 * minute;

// A node sends two chunks a second. What tells of copies and finds faults is at rest, and each node asks every two seconds what it is owed:
// every message here is one to each of 59 others.
const slowly: Partial<SimOptions> = {
  replication: { ...keepingTimes.replication, bytesPerSecond: 2 * chunkBytes, tickMs: 2 * second },
  announcer: { ...announcerLimits, lookEveryMs: second, figuresEveryMs: never, repairFiguresEveryMs: never, copiesEveryMs: never },
  membership: { ...membershipLimits, tickMs: second, reconcileEveryMs: minute, forwardDelayMs: second / 2 },
  reconciliation: { roundMs: never, auditEveryMs: never },
};

const isWaiting = ({ nodes }: SimWorld): boolean => nodes.some((node) => node.states().some((state) => state !== "active"));

/** Whether a reader who sees the farm as the first node does asks somebody who has the chunk. */
function isFound({ nodes, genesis }: SimWorld, address: Address): boolean {
  const directory = nodes[0]?.membership()?.directory ?? assert.fail();
  const circles = readCircles(directory, address, readCounts(genesis.copies, clientLimits));
  const has = new Set(nodes.filter((node) => node.claims(address)).map(({ peer }) => peer));
  return Object.values(circles).some((holders) => holders.some(({ peer }) => has.has(peer)));
}

/** How many of the nodes closest to the chunk keep it, as the first node sees them. */
function keptBy({ nodes }: SimWorld, address: Address, closest: number): number {
  const directory = nodes[0]?.membership()?.directory ?? assert.fail();
  const wanted = directory.closest(address, closest, "write").holders.map(({ peer }) => peer);
  return wanted.filter((peer) => nodes.some((node) => node.peer === peer && node.keeps(address))).length;
}

it("from 8 nodes to 60 at once: no read fails, nothing is dropped unproved, all copies come to their places within bounded time", async () => {
  const world = await startSimWorld({ ...defaultSimOptions, ...slowly, seed: 1, nodes: before, vaultsPerNode: 1 });
  const chunks = new Map<Address, Uint8Array>();
  for (let i = 0; i < chunkCount; i += 1) {
    const bytes = world.random.bytes(chunkBytes);
    const address = chunkAddress(bytes);
    await world.clock.runUntil(world.client.putChunk(address, bytes));
    chunks.set(address, bytes);
  }
  let dropped = 0;
  world.onDrop((peer, address) => {
    const others = world.nodes.filter((node) => node.peer !== peer && node.keeps(address)).length;
    assert.ok(others >= world.genesis.copies.target, `${address} was dropped while ${others} others kept it`);
    dropped += 1;
  });
  await world.clock.advance(30 * second);
  for (let n = before; n < after; n += 1) await world.grow();
  const addresses = [...chunks.keys()];
  // A node's share is sent within half a minute, its last question is two seconds later, and that it is active one more.
  for (let round = 0; isWaiting(world); round += 1) {
    assert.ok(round < 90, "nodes still join after 180 s");
    await world.clock.advance(2 * second);
    for (const address of addresses) assert.ok(isFound(world, address), `nobody who is asked has ${address}`);
    for (const address of addresses.filter((_, i) => i % 10 === round % 10))
      assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), chunks.get(address));
  }
  const { target } = world.genesis.copies;
  const lacking = addresses.reduce((sum, address) => sum + target - keptBy(world, address, target), 0);
  // At most `max` copies are made: where old holders are near, a newcomer that is done before they dropped theirs may be without.
  assert.ok(lacking <= 0.05 * target * chunkCount, `${lacking} copies are not in their places`);
  assert.ok(addresses.every((address) => keptBy(world, address, clientLimits.candidatesMax) >= target));
  assert.ok(dropped > 0, "displaced holders drop theirs");
  for (const [address, bytes] of chunks) assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), bytes);
  await world.stop();
});
