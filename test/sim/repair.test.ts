// Proves in whole farms on virtual time that copies are made again after nodes die for good, that only what was lost
// moves, that a node back in time costs nothing, that a ninth node gets its share, that a farm once whole is at rest, and that
// what nodes publish of copies is what lies on their disks.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { Address } from "../../src/protocol/address.ts";
import { repairDelays } from "../../src/vault-node/replication/replication-limits.ts";
import {
  addChunk,
  assertAllRead,
  assertAtRest,
  assertCounted,
  bytesOn,
  fewestCopies,
  filledFarm,
  liveCopies,
  mostCopies,
  moved,
} from "./filled-farm.ts";
import { delays, keepingTimes, minute } from "./keeping-times.ts";
import type { SimNode } from "./sim-node.ts";

describe("a farm that loses nodes for good", () => {
  it("one: waits out the delay, makes its copies again, moves no more than 1.1 times what it held, and is at rest", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    assert.equal(moved(world), 0, "nothing is repaired before something was lost");
    await world.nodes[3]?.crash();
    await world.clock.advance(4.5 * minute);
    assert.deepEqual([moved(world), fewestCopies(farm)], [0, 4]);
    await world.clock.advance(1.5 * minute);
    assert.equal(fewestCopies(farm), 5);
    const ratio = moved(world) / bytesOn(world, 3);
    assert.ok(ratio <= 1.1, `moved ${ratio} of what was lost`);
    await assertAtRest(world);
    await assertAllRead(farm);
    await world.stop();
  });

  it("chunks that were first looked at while a holder was cut off are counted right once it is back, not after the delay", async () => {
    const replication = { ...keepingTimes.replication, repairDelayMs: repairDelays(60 * minute), everythingEveryMs: 90 * minute };
    const farm = await filledFarm({ replication });
    const { world } = farm;
    for (let i = 0; i < 30; i += 1) await addChunk(farm);
    // Fresh chunks are looked at after 15 s: just then one of their holders does not answer.
    await world.clock.advance(8_000);
    const [away, ...others] = [...world.nodes].reverse();
    world.network.partition(
      [away?.peer ?? assert.fail()],
      others.map(({ peer }) => peer),
    );
    await world.clock.advance(15_000);
    world.network.heal();
    await world.clock.advance(20 * minute);
    assert.equal(moved(world), 0);
    assertCounted(farm);
    await world.stop();
  });

  it("two, then three more once it is whole: nothing is lost", async () => {
    const farm = await filledFarm({ nodes: 10 });
    const { world } = farm;
    for (const number of [0, 7]) await world.nodes[number]?.crash();
    await world.clock.advance(minute);
    assert.ok(fewestCopies(farm) >= 4, "at least min copies again within the bound");
    await world.clock.advance(6 * minute);
    assert.equal(fewestCopies(farm), 5);
    for (const number of [2, 4, 5]) await world.nodes[number]?.crash();
    await world.clock.advance(minute);
    assert.ok(fewestCopies(farm) >= 4, "three holders at once");
    await world.clock.advance(6 * minute);
    assert.equal(fewestCopies(farm), 5);
    await assertAllRead(farm);
    await assertAtRest(world);
    assertCounted(farm);
    await world.stop();
  });

  it("two at once, over lines on which a message takes longer than the next in order waits: no chunk is sent twice", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    world.network.setFaults({ bytesPerSecond: 2_000 });
    for (const number of [1, 2]) await world.nodes[number]?.crash();
    await world.clock.advance(8 * minute);
    assert.deepEqual([fewestCopies(farm), mostCopies(farm)], [5, 5]);
    const ratio = moved(world) / bytesOn(world, 1, 2);
    assert.ok(ratio <= 1.1, `moved ${ratio} of what was lost`);
    await world.stop();
  });

  it("three at once: chunks left with two copies are made safe first, then those with three", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    for (const number of [1, 2, 6]) await world.nodes[number]?.crash();
    const atTwo = [...farm.chunks.keys()].filter((address) => liveCopies(world, address) === 2);
    const atThree = [...farm.chunks.keys()].filter((address) => liveCopies(world, address) === 3);
    assert.ok(atTwo.length > 5 && atThree.length > 5);
    await world.clock.advance(delays.fewest + 2_000);
    assert.ok(atTwo.every((address) => liveCopies(world, address) >= 4));
    assert.ok(atThree.every((address) => liveCopies(world, address) === 3));
    await world.clock.advance(delays.few);
    assert.ok(fewestCopies(farm) >= 4);
    await world.stop();
  });
});

describe("a farm whose nodes come and go", () => {
  it("a node that is back within its delay costs nothing", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    await world.nodes[3]?.crash();
    await world.clock.advance(4 * minute);
    await world.nodes[3]?.start(world.nodes.flatMap((other) => other.addresses()));
    await world.clock.advance(3 * minute);
    assert.equal(moved(world), 0);
    assert.equal(fewestCopies(farm), 5);
    await assertAtRest(world);
    await world.stop();
  });

  it("a node that is back after its copies were made again: the surplus is dropped after proofs, and nothing more moves", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    await world.nodes[3]?.crash();
    await world.clock.advance(7 * minute);
    assert.equal(fewestCopies(farm), 5);
    const before = moved(world);
    await world.nodes[3]?.start(world.nodes.flatMap((other) => other.addresses()));
    assert.equal(mostCopies(farm), 6);
    await world.clock.advance(6 * minute);
    assert.deepEqual([fewestCopies(farm), mostCopies(farm)], [5, 5]);
    assert.equal(moved(world), before);
    await assertAllRead(farm);
    await world.stop();
  });

  it("a draining node's chunks are copied to others at once, as much as it held and little more; a cancel costs nothing", async () => {
    const farm = await filledFarm();
    const { world, chunks } = farm;
    const [, , leaver] = world.nodes;
    assert.ok(leaver);
    leaver.want("draining");
    await world.clock.advance(minute);
    const without = [...chunks.keys()].map((address) => liveCopies(world, address) - (leaver.disk().info(address) === undefined ? 0 : 1));
    assert.equal(Math.min(...without), 5);
    const ratio = moved(world) / bytesOn(world, 2);
    assert.ok(ratio <= 1.1, `moved ${ratio} of what it holds`);
    const before = moved(world);
    leaver.want("active");
    await world.clock.advance(6 * minute);
    assert.equal(moved(world), before);
    assert.deepEqual([fewestCopies(farm), mostCopies(farm)], [5, 5]);
    await assertAtRest(world);
    await world.stop();
  });

  it("a chunk that rotted on four of its five nodes is brought back by those that notice", async () => {
    const farm = await filledFarm();
    const { world, chunks } = farm;
    const [[address, bytes] = assert.fail()] = chunks;
    const holders = world.nodes.filter((node) => node.disk().info(address) !== undefined);
    for (const node of holders.slice(0, 4)) assert.ok(node.disk().damage(address));
    const sound = async (): Promise<number> => {
      const reads = await Promise.all(world.nodes.map((node) => node.disk().get(address)));
      return reads.filter(({ kind }) => kind === "found").length;
    };
    assert.equal(await sound(), 1);
    for (let i = 0; i < 60 && (await sound()) < 5; i += 1) {
      assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), bytes);
      await world.clock.advance(5_000);
    }
    assert.equal(await sound(), 5);
    await world.stop();
  });

  it("a ninth node gets what is its own while others read and write, no more than 1.1 ninths of the data move, and then it is active", async () => {
    const farm = await filledFarm();
    const { world, chunks } = farm;
    const before = bytesOn(world, ...world.nodes.keys());
    const ninth = await world.grow();
    assert.deepEqual([...new Set(ninth.states())], ["joining"]);
    for (let second = 0; second < 60 && ninth.states().includes("joining"); second += 1) {
      for (const address of [...chunks.keys()].slice(second * 2, second * 2 + 2))
        assert.deepEqual(await world.clock.runUntil(world.client.getChunk(address)), chunks.get(address));
      await addChunk(farm);
      await world.clock.advance(1000);
    }
    assert.deepEqual([...new Set(ninth.states())], ["active"]);
    const share = moved(world) / before;
    assert.ok(share <= 1.1 / 9, `moved ${share} of the data`);
    assert.ok(bytesOn(world, 8) > before / 9 / 2, "it hardly got anything");
    await assertAtRest(world);
    assert.deepEqual([fewestCopies(farm), mostCopies(farm)], [5, 5], "displaced holders dropped theirs");
    assertCounted(farm);
    await assertAllRead(farm);
    await world.stop();
  });
});

describe("a farm in three zones", () => {
  it("loses nothing with a whole zone, has a copy in each other zone, and five again afterwards", async () => {
    const farm = await filledFarm({ nodes: 9 });
    const { world, chunks } = farm;
    const zone = (n: number): readonly SimNode[] => world.nodes.filter(({ number }) => number % 3 === n);
    const heldIn = (n: number, address: Address): boolean => zone(n).some((node) => node.disk().info(address) !== undefined);
    for (const address of chunks.keys()) for (const n of [0, 1, 2]) assert.ok(heldIn(n, address), `${address} has no copy in zone ${n}`);
    await Promise.all(zone(1).map((node) => node.crash()));
    assert.ok(fewestCopies(farm) >= 2);
    await assertAllRead(farm);
    await world.clock.advance(delays.enough + minute);
    assert.equal(fewestCopies(farm), 5);
    await world.stop();
  });
});
