// Proves what nodes make of others that they cannot reach while somebody else can: a client that reaches both halves of a parted
// farm carries the signed records of each to the other, and these bring nobody back. Each half goes on routing round the other and
// holds it for silent, a dead node stays dead, a single broken link confirms nobody, and all of it ends when the halves meet again.
// Whole memberships in memory on a virtual clock; the cut closes no connection, as that of a cable does not.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createMemoryCertificateStore } from "./certificates/certificate-store.ts";
import { createCertifiedFarm, peerOf } from "./certificates/certificates-fixture.ts";
import {
  allLive,
  announceAnew,
  createWorld,
  kill,
  type Member,
  startFarm,
  startMember,
  stateAt,
  stopAll,
  until,
  type World,
} from "./membership-fixture.ts";
import { membershipLimits as limits } from "./membership-limits.ts";

const idsOf = (members: readonly Member[]): readonly PeerId[] => members.map(({ peers }) => peers.self);
const viewAt = (at: Member, of: Member) => at.membership.directory.node(of.peers.self);
const sequenceAt = (at: Member, of: Member): number => viewAt(at, of)?.record.sequence ?? 0;
// A node whose copies are being made says its figures every four seconds.
const newsEveryMs = 4_000;

/** Eight nodes that have been up long enough to be witnesses, and a client that has met them all. */
async function startBridged(world: World): Promise<{ readonly members: readonly Member[]; readonly client: Member }> {
  const members = await startFarm(world, 8);
  const client = await startMember(world, 20, { listensOnly: true });
  client.membership.bootstrap(members.map(({ address }) => address));
  await until(world, 10_000, "all live", () => allLive(members) && idsOf(members).every((peer) => stateAt(client, peer) === "live"));
  await world.clock.advance(limits.confirmQuietMs + 1_000);
  return { members, client };
}

/** Lets time pass in which all say news of themselves, and looks every 100 ms. */
async function passing(world: World, ms: number, members: readonly Member[], look: () => void): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 100) {
    if (passedMs % newsEveryMs === 0) for (const member of members) announceAnew(member);
    await world.clock.advance(100);
    look();
  }
}

/** Each pair of a node and one on the other side. */
function* across(left: readonly Member[], right: readonly Member[]): Generator<readonly [Member, Member]> {
  for (const a of left)
    for (const b of right) {
      yield [a, b];
      yield [b, a];
    }
}

test("halves that a client reaches both go on holding each other for silent, whatever news it carries; they meet again within seconds", async () => {
  const world = createWorld();
  const { members, client } = await startBridged(world);
  const [large, small] = [members.slice(0, 5), members.slice(5)];
  world.network.partition(idsOf(large), idsOf(small), { unnoticed: true });
  // Whoever has nothing to ask notices a silence at its next reconciliation.
  for (const [at, of] of across(large, small)) at.membership.suspect(of.peers.self, "silent");
  await passing(world, 8_000, members, () => {});
  const before = [...across(large, small)].map(([at, of]) => ({ at, of, sequence: sequenceAt(at, of), since: viewAt(at, of)?.since }));
  await passing(world, 30_000, members, () => {
    for (const { at, of, since } of before)
      assert.deepEqual([viewAt(at, of)?.state, viewAt(at, of)?.confirmed, viewAt(at, of)?.since], ["suspected", true, since]);
    assert.ok(idsOf(members).every((peer) => stateAt(client, peer) === "live"));
  });
  for (const { at, of, sequence } of before) assert.ok(sequenceAt(at, of) > sequence, "the client carries no news");
  world.network.heal();
  await until(world, 5_000, "all live again", () => allLive(members));
  await stopAll([...members, client]);
});

test("a node that dies behind the cut stays dead for both halves, and comes back by its next start alone", async () => {
  const world = createWorld();
  const { members, client } = await startBridged(world);
  const [large, small] = [members.slice(0, 5), members.slice(5)];
  const [first, second] = large;
  assert.ok(first !== undefined && second !== undefined);
  world.network.partition(idsOf(large), idsOf(small), { unnoticed: true });
  for (const [at, of] of across(large, small)) at.membership.suspect(of.peers.self, "silent");
  await passing(world, 8_000, members, () => {});
  await kill(world, second);
  const rest = members.filter((member) => member !== second);
  await passing(world, 4_000, rest, () => {});
  const dead = (): void => assert.ok(rest.every((at) => viewAt(at, second)?.state === "suspected" && viewAt(at, second)?.confirmed));
  await passing(world, 12_000, rest, dead);
  world.network.heal();
  await until(world, 5_000, "the others are live again", () =>
    rest.every((at) => rest.every((of) => stateAt(at, of.peers.self) === "live")),
  );
  await passing(world, 12_000, rest, dead);
  const back = await startMember(world, second.number, { startCounter: 2 });
  back.membership.bootstrap([first.address]);
  await until(world, 2_000, "back", () => allLive([...rest, back]));
  await stopAll([...rest, back, client]);
});

test("where only one link is broken, the two ends route round each other steadily, nobody is confirmed, and all others see both", async () => {
  const world = createWorld();
  const { members, client } = await startBridged(world);
  const [first, second, ...rest] = members;
  assert.ok(first !== undefined && second !== undefined);
  world.network.partition([first.peers.self], [second.peers.self], { unnoticed: true });
  for (const [at, of] of across([first], [second])) at.membership.suspect(of.peers.self, "silent");
  await passing(world, 30_000, members, () => {
    for (const [at, of] of across([first], [second]))
      assert.deepEqual([viewAt(at, of)?.state, viewAt(at, of)?.confirmed], ["suspected", false]);
    assert.ok(rest.every((at) => [first, second].every((of) => stateAt(at, of.peers.self) === "live")));
  });
  world.network.heal();
  await until(world, 5_000, "all live again", () => allLive(members));
  await stopAll([...members, client]);
});

test("nodes that the larger half took out by certificate stay gone for it until they answer, and are let in again then", async () => {
  const [large, small] = [
    [1, 2, 3, 4, 5],
    [6, 7, 8],
  ];
  const farm = createCertifiedFarm();
  const { world } = farm;
  await farm.start(...large, ...small);
  await farm.found(...large, ...small);
  await farm.agreed(20_000, ...large, ...small);
  const client = await farm.follow(100, createMemoryCertificateStore());
  await until(world, 10_000, "met", () => [...large, ...small].every((number) => stateAt(client, peerOf(number)) === "live"));
  const memberOf = (number: number): Member => farm.running.get(number) ?? assert.fail();
  const members = [...large, ...small].map(memberOf);
  world.network.partition(large.map(peerOf), small.map(peerOf), { unnoticed: true });
  for (const [at, of] of across(large.map(memberOf), small.map(memberOf))) at.membership.suspect(of.peers.self, "silent");
  const areGone = (): boolean => large.every((at) => small.every((of) => stateAt(memberOf(at), peerOf(of)) === "gone"));
  await passing(world, 24_000, members, () => {});
  assert.equal(farm.head(1).confirmed.size, large.length);
  await passing(world, 16_000, members, () => assert.ok(areGone()));
  world.network.heal();
  await farm.agreed(30_000, ...large, ...small);
  await world.clock.runUntil(stopAll([client]));
  await farm.stop();
});
