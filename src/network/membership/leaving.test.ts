// Proves that a goodbye for good is believed only with a statement that holds and the word of the second source whose turn it is:
// everything else is an absence. Whole memberships over the in-memory network on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { LeavingProof } from "../../protocol/messages/goodbye.ts";
import { readStopWitness, signStopWitness } from "../../protocol/safe-to-stop.ts";
import {
  allLive,
  createWorld,
  genesis,
  kill,
  leavingProof,
  type Member,
  nodeKey,
  startFarm,
  stateAt,
  stopAll,
  until,
} from "./membership-fixture.ts";

test("leaving without a statement that holds, or with a friend as its second source, is an absence", async () => {
  const world = createWorld();
  const members = await startFarm(world, 7);
  await until(world, 10_000, "all live", () => allLive(members));
  const bad: readonly ((leaver: Member) => LeavingProof)[] = [
    (leaver) => leavingProof(world, leaver, members, { statement: { short: 1 } }),
    (leaver) => leavingProof(world, leaver, members, { statement: { stayers: 3 } }),
    (leaver) => leavingProof(world, leaver, members, { statement: { startCounter: 2 } }),
    (leaver) => leavingProof(world, leaver, members, { statement: { statedAtMs: world.clock.wallMs() - 61_000 } }),
    (leaver) => leavingProof(world, leaver, members, { word: { short: 1 } }),
    (leaver) => leavingProof(world, leaver, members, { word: { failed: 1 } }),
  ];
  for (const [index, make] of bad.entries()) {
    const leaver = members[index + 1] ?? assert.fail();
    const proof = make(leaver);
    await world.clock.runUntil(leaver.membership.leave(proof));
    assert.equal(members[0] && stateAt(members[0], leaver.peers.self), "away", `case ${index}`);
    await kill(world, leaver);
  }
  await members[0]?.membership.stop();
});

test("a second source whose turn it is not convinces nobody", async () => {
  const world = createWorld();
  const members = await startFarm(world, 6);
  await until(world, 10_000, "all live", () => allLive(members));
  const leaver = members[2] ?? assert.fail();
  const { statement, leftAtMs, witness } = leavingProof(world, leaver, members);
  const turn = readStopWitness(genesis.networkId, witness);
  const friend = members.find(({ peers }) => turn.ok && peers.self !== turn.value.witness && peers.self !== leaver.peers.self);
  assert.ok(turn.ok && friend !== undefined);
  const { witness: _turn, ...word } = turn.value;
  const crony = signStopWitness(genesis.networkId, nodeKey(friend.number), word);
  await world.clock.runUntil(leaver.membership.leave({ statement, witness: crony, leftAtMs }));
  assert.equal(members[0] && stateAt(members[0], leaver.peers.self), "away");
  await stopAll(members);
});
