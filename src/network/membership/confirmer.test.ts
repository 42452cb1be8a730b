// Proves when a silent node is confirmed: by two at first hand or its own goodbye, never by one, never by a liar, never by
// who has just started or slept, and never against a sign of life. Whole memberships in memory on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { type Sighting, suspicions } from "../../protocol/messages/suspicions.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { signFields } from "../../protocol/signed.ts";
import type { Clock } from "../../runtime/clock.ts";
import { createAgreement } from "./agreement.ts";
import {
  allLive,
  createWorld,
  genesis,
  kill,
  type Member,
  nodeKey,
  startFarm,
  startMember,
  stateAt,
  stopAll,
  until,
  type World,
} from "./membership-fixture.ts";
import { membershipLimits as limits } from "./membership-limits.ts";
import { panelOf } from "./panel.ts";

const quietOverMs = limits.confirmQuietMs + 1_000;
const confirmedAt = (at: Member, peer: PeerId): boolean => at.membership.directory.node(peer)?.confirmed === true;

/** A farm whose nodes have been up long enough to be witnesses. */
async function settledFarm(world: World, count: number): Promise<readonly Member[]> {
  const members = await startFarm(world, count);
  await until(world, 10_000, "all live", () => allLive(members));
  await world.clock.advance(quietOverMs);
  return members;
}

const say = (world: World, from: Member, to: Member, sightings: readonly Sighting[]): Promise<readonly Sighting[]> =>
  world.clock.runUntil(
    from.peers
      .request(to.peers.self, "suspicions", { body: encodeMessage(suspicions, { sightings }), chunks: [] }, { timeoutMs: 1_000 })
      .then(({ body }) => {
        const reply = decodeMessage(suspicions, body);
        assert.ok(reply.ok);
        return reply.value.sightings;
      }),
  );

for (const count of [2, 3, 4, 8])
  test(`of ${count} nodes a killed one is confirmed by all others within 2 s, its date is that of the suspicion, and its return takes it back`, async () => {
    const world = createWorld();
    const members = await settledFarm(world, count);
    const [first, second] = members;
    assert.ok(first !== undefined && second !== undefined);
    const rest = members.filter((member) => member !== second);
    await kill(world, second);
    await until(world, 50, "suspected", () => rest.every((member) => stateAt(member, second.peers.self) === "suspected"));
    assert.ok(!rest.some((member) => confirmedAt(member, second.peers.self)));
    const since = first.membership.directory.node(second.peers.self)?.since;
    await until(world, 2_000, "confirmed", () => rest.every((member) => confirmedAt(member, second.peers.self)));
    assert.equal(first.membership.directory.node(second.peers.self)?.since, since);
    await world.clock.advance(60_000);
    assert.ok(rest.every((member) => confirmedAt(member, second.peers.self)));
    const back = await startMember(world, second.number, { startCounter: 2 });
    back.membership.bootstrap([first.address]);
    await until(world, 2_000, "back", () => allLive([...rest, back]));
    assert.ok(!rest.some((member) => confirmedAt(member, second.peers.self)));
    await stopAll([...rest, back]);
  });

test("a node that one other cannot reach is not confirmed by it alone, and everybody else keeps it live", async () => {
  const world = createWorld();
  const members = await settledFarm(world, 8);
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  world.network.partition([first.peers.self], [second.peers.self]);
  await world.clock.advance(60_000);
  assert.equal(stateAt(first, second.peers.self), "suspected");
  assert.ok(members.every((a) => members.every((b) => !confirmedAt(a, b.peers.self))));
  assert.ok(members.slice(2).every((member) => stateAt(member, second.peers.self) === "live"));
  await stopAll(members);
});

test("nobody confirms in its first two minutes, nor after a sleep; then what lasted is confirmed", async () => {
  const world = createWorld();
  const members = await startFarm(world, 6);
  let sleptMs = 0;
  const clock: Clock = { ...world.clock, wallMs: () => world.clock.wallMs() + sleptMs };
  const sleeper = await startMember(world, 10, { clock });
  sleeper.membership.bootstrap(members.map(({ address }) => address));
  await until(world, 10_000, "all live", () => allLive([...members, sleeper]));
  const [, second] = members;
  assert.ok(second !== undefined);
  const rest = members.filter((member) => member !== second);
  await kill(world, second);
  await world.clock.advance(100_000);
  assert.ok(![...rest, sleeper].some((member) => confirmedAt(member, second.peers.self)));
  await until(world, 25_000, "confirmed", () => [...rest, sleeper].every((member) => confirmedAt(member, second.peers.self)));
  sleptMs = 60_000;
  await until(world, 1_000, "unconfirmed by the sleeper", () => !confirmedAt(sleeper, second.peers.self));
  await world.clock.advance(100_000);
  assert.ok(!confirmedAt(sleeper, second.peers.self) && rest.every((member) => confirmedAt(member, second.peers.self)));
  await until(world, 25_000, "confirmed again", () => confirmedAt(sleeper, second.peers.self));
  await stopAll([...rest, sleeper]);
});

test("a goodbye confirms without witnesses; an absence that ran out needs them", async () => {
  const world = createWorld();
  const members = await startFarm(world, 5);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  const rest = members.filter((member) => member !== second);
  await world.clock.runUntil(second.membership.sayGoodbye("away", 5_000));
  assert.ok(rest.every((member) => stateAt(member, second.peers.self) === "away" && confirmedAt(member, second.peers.self)));
  await kill(world, second);
  await until(world, 6_000, "time over", () => rest.every((member) => stateAt(member, second.peers.self) === "suspected"));
  assert.ok(!rest.some((member) => confirmedAt(member, second.peers.self)));
  await until(world, quietOverMs, "confirmed", () => rest.every((member) => confirmedAt(member, second.peers.self)));
  await stopAll(rest);
});

test("a node that calls all others silent confirms nobody, not even beside one honest mistake", async () => {
  const world = createWorld();
  const members = await settledFarm(world, 8);
  const [liar, victim, mistaken, bystander] = members;
  assert.ok(liar !== undefined && victim !== undefined && mistaken !== undefined && bystander !== undefined);
  world.network.partition([mistaken.peers.self], [victim.peers.self]);
  await until(world, 100, "suspected", () => stateAt(mistaken, victim.peers.self) === "suspected");
  const lie = members.slice(1).map(({ peers }): Sighting => ({ peer: peers.self, sight: "suspected" }));
  for (let round = 0; round < 10; round++) {
    for (const to of [mistaken, bystander]) await say(world, liar, to, lie);
    await world.clock.advance(1_000);
    assert.ok(!members.some((member) => confirmedAt(member, victim.peers.self)));
  }
  assert.ok(members.slice(3).every((member) => stateAt(member, victim.peers.self) === "live"));
  await stopAll(members);
});

test("suspicion spam costs its sender the connection, and the one it names nothing", async () => {
  const world = createWorld();
  const members = await settledFarm(world, 4);
  const [spammer, victim, target] = members;
  assert.ok(spammer !== undefined && victim !== undefined && target !== undefined);
  const spam = (): Promise<unknown> => say(world, spammer, target, [{ peer: victim.peers.self, sight: "suspected" }]).catch(() => {});
  for (let i = 0; i < limits.suspicionBurst; i++) await spam();
  assert.equal(target.membership.counts().offences, 0);
  // The rate gains a few while the messages travel.
  for (let i = 0; i < 2 * limits.offencesMax; i++) await spam();
  assert.ok(target.membership.counts().offences >= limits.offencesMax);
  await until(world, 100, "disconnected", () => !target.peers.connected().includes(spammer.peers.self));
  assert.equal(stateAt(target, victim.peers.self), "live");
  await stopAll(members);
});

test("a goodbye for somebody else is an offence of its sender and sends nobody away", async () => {
  const world = createWorld();
  const members = await startFarm(world, 4);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, victim, liar] = members;
  assert.ok(first !== undefined && victim !== undefined && liar !== undefined);
  const fields = z.object({ peerId: z.string(), startCounter: z.int(), sequence: z.int(), departure: z.object({ kind: z.string() }) });
  const named = { peerId: victim.peers.self, startCounter: 9, sequence: 9, departure: { kind: "leaving" } };
  const forged = signFields({ tag: "goodbye", fields }, genesis.networkId, nodeKey(liar.number), named);
  const message = { body: forged, chunks: [] };
  await world.clock.runUntil(liar.peers.request(first.peers.self, "goodbye", message, { timeoutMs: 1_000 }));
  assert.equal(stateAt(first, victim.peers.self), "live");
  assert.equal(first.membership.counts().offences, 1);
  await stopAll(members);
});

test("strangers are no witnesses, nobody speaks of itself, and garbage is an offence", async () => {
  const world = createWorld();
  const members = await settledFarm(world, 4);
  const [first, second, third] = members;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const stranger = await startMember(world, 90, { listensOnly: true });
  stranger.membership.bootstrap([first.address]);
  await until(world, 5_000, "met", () => stranger.peers.connected().includes(first.peers.self));
  first.membership.reportFailure(second.peers.self);
  world.network.partition([first.peers.self], [second.peers.self]);
  await world.clock.advance(1_000);
  await say(world, stranger, first, [{ peer: second.peers.self, sight: "suspected" }]);
  await say(world, third, first, [{ peer: third.peers.self, sight: "suspected" }]);
  await world.clock.advance(1_000);
  assert.ok(!confirmedAt(first, second.peers.self) && stateAt(first, third.peers.self) === "live");
  const before = first.membership.counts().offences;
  const garbage = { body: Uint8Array.of(1, 2, 3), chunks: [] };
  await world.clock.runUntil(third.peers.request(first.peers.self, "suspicions", garbage, { timeoutMs: 1_000 }).catch(() => {}));
  assert.equal(first.membership.counts().offences, before + 1);
  await stopAll([...members, stranger]);
});

test("property: two credible valid words confirm, fewer never do, and a sign of life undoes all", () => {
  const names = Array.from({ length: 12 }, (_, i) => `peer-${i}` as PeerId);
  const name = fc.constantFrom(...names);
  const word = fc.record({ witness: name, subject: name, silent: fc.boolean() });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.subarray(names), fc.boolean(), (words, live, own) => {
      const agreement = createAgreement({ isLive: (peer) => live.includes(peer), nodeCount: () => names.length }, 15_000);
      const said = new Map(names.map((peer) => [peer, new Set<PeerId>()]));
      for (const { witness, subject, silent } of words) {
        agreement.hear(witness, subject, silent ? "suspected" : "live", 0);
        if (silent) said.get(witness)?.add(subject);
        else said.get(witness)?.delete(subject);
      }
      // Of 12 nodes three may be called silent against one's own eyes.
      const credible = live.filter((witness) => [...(said.get(witness) ?? [])].filter((peer) => live.includes(peer)).length <= 3);
      for (const subject of names) {
        const agreed = credible.filter((witness) => witness !== subject && said.get(witness)?.has(subject)).length + Number(own);
        assert.equal(agreement.isConfirmed(subject, own, 15_000), agreed >= 2);
      }
      for (const subject of names) agreement.clear(subject);
      assert.ok(!names.some((subject) => agreement.isConfirmed(subject, own, 0)));
    }),
  );
});

test("a word counts for its time only, unless it is said again", () => {
  const [subject, a, b] = ["s", "a", "b"] as unknown as [PeerId, PeerId, PeerId];
  const agreement = createAgreement({ isLive: (peer) => peer !== subject, nodeCount: () => 8 }, 15_000);
  agreement.hear(a, subject, "suspected", 0);
  agreement.hear(b, subject, "suspected", 10_000);
  assert.ok(agreement.isConfirmed(subject, false, 15_000));
  assert.ok(!agreement.isConfirmed(subject, false, 15_001));
  agreement.hear(a, subject, "suspected", 16_000);
  assert.ok(agreement.isConfirmed(subject, false, 25_000));
});

test("a panel is the same whatever the order of the nodes, of the right size, without the node itself, and moves little", () => {
  const names = Array.from({ length: 100 }, (_, i) => `peer-${i}` as PeerId);
  const [subject = "" as PeerId] = names;
  const panel = panelOf(subject, names, 8);
  assert.equal(panel.length, 8);
  assert.ok(!panel.includes(subject));
  assert.deepEqual(new Set(panelOf(subject, [...names].reverse(), 8)), new Set(panel));
  const without = panelOf(
    subject,
    names.filter((peer) => peer !== panel[0]),
    8,
  );
  assert.equal(without.filter((peer) => panel.includes(peer)).length, 7);
});
