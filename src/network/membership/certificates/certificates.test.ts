// Proves how nodes agree on who is confirmed: joining, leaving in sets, partitions, restarts, halves that meet again, and the
// owner's word. Whole memberships in memory on a virtual clock, with slow disks.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { sealCertificate, signAsOwner, signVote, statementId } from "../../../protocol/certificate.ts";
import { decodeMessage, encodeMessage } from "../../../protocol/encoding.ts";
import { certificatesReply, certificatesRequest } from "../../../protocol/messages/certificates.ts";
import { type VoteRequest, voteReply, voteRequest } from "../../../protocol/messages/membership-votes.ts";
import type { RequestKind } from "../../peers.ts";
import { genesis, leavingProof, nodeKey, stateAt, stopAll, until } from "../membership-fixture.ts";
import { createMemoryCertificateStore } from "./certificate-store.ts";
import { type CertifiedFarm, createCertifiedFarm, peerOf, peersOf } from "./certificates-fixture.ts";

const eight = [1, 2, 3, 4, 5, 6, 7, 8];

async function foundedFarm(numbers: readonly number[], seed = 1): Promise<CertifiedFarm> {
  const farm = createCertifiedFarm(seed);
  await farm.start(...numbers);
  await farm.found(...numbers);
  await farm.agreed(20_000, ...numbers);
  return farm;
}

test("a farm without the owner's first certificate says so; with it all are confirmed, and others join by certificate", async () => {
  const farm = createCertifiedFarm();
  await farm.start(1, 2, 3);
  await farm.world.clock.advance(10_000);
  assert.equal(farm.status(1).state, "unfounded");
  await farm.found(1, 2, 3);
  await farm.agreed(10_000, 1, 2, 3);
  assert.match(farm.status(2).text, /3 of 3 confirmed nodes reachable; tolerates no lying or lost holder/);
  await farm.start(4, 5);
  await farm.agreed(20_000, 1, 2, 3, 4, 5);
  assert.deepEqual(farm.status(4).group, { holders: 5, writes: 4, liars: 1, losses: 1 });
  assert.ok(farm.status(5).isConfirmed);
  await farm.stop();
});

test("one that only listens follows the chain, keeps it, says partitioned with the nodes it reaches, and signs nothing", async () => {
  const farm = createCertifiedFarm();
  await farm.start(...eight);
  const store = createMemoryCertificateStore();
  const follower = await farm.follow(100, store);
  const { certificates } = follower.membership;
  assert.ok(certificates !== undefined);
  const says = (text: string): Promise<number> => until(farm.world, 30_000, text, () => certificates.status().text === text);
  await says("no membership certificate yet");
  await farm.found(...eight);
  await says("8 of 8 confirmed nodes reachable");
  assert.deepEqual([certificates.head().id, certificates.status().isConfirmed], [farm.head(1).id, false]);
  await farm.kill(8);
  await says("7 of 7 confirmed nodes reachable");
  farm.world.network.partition([follower.peers.self, ...peersOf([1, 2, 3])], peersOf([4, 5, 6, 7]));
  await says("partitioned (3 of 7 reachable, 4 needed)");
  assert.equal(await store.loadVotes(), undefined);
  assert.equal((await store.loadChain()).length, 2);
  await farm.world.clock.runUntil(stopAll([follower]));
  const again = await farm.follow(100, store);
  assert.equal(again.membership.certificates?.status().confirmed, 7, "it knows before it has met anybody");
  await farm.world.clock.runUntil(stopAll([again]));
  await farm.stop();
});

test("two nodes killed for good leave together and are gone; the one that returns is let in again", async () => {
  const farm = await foundedFarm(eight);
  const before = farm.head(1).sequence;
  await farm.kill(3, 6);
  await farm.agreed(30_000, 1, 2, 4, 5, 7, 8);
  assert.equal(farm.head(1).sequence, before + 1, "one certificate names both");
  await until(farm.world, 5_000, "gone", () => [...farm.running.values()].every((member) => stateAt(member, peerOf(3)) === "gone"));
  await farm.world.clock.advance(60_000);
  assert.equal(farm.head(1).sequence, before + 1, "nothing more happens");
  assert.ok(
    [...farm.running.values()].every((member) => stateAt(member, peerOf(6)) === "gone"),
    "nobody resurrects the dead",
  );
  await farm.start(3);
  await farm.agreed(30_000, 1, 2, 3, 4, 5, 7, 8);
  await farm.stop();
});

test("of two halves neither shrinks nor grows, both say so, and after they meet all are confirmed as before", async () => {
  const farm = await foundedFarm(eight);
  const { id } = farm.head(1);
  farm.partition([1, 2, 3, 4], [5, 6, 7, 8]);
  await farm.world.clock.advance(10_000);
  await farm.start(9);
  await farm.world.clock.advance(30_000);
  for (const number of eight) {
    assert.equal(farm.head(number).id, id);
    assert.equal(farm.status(number).text, "partitioned (4 of 8 reachable, 5 needed)");
  }
  farm.world.network.heal();
  await farm.agreed(30_000, ...eight, 9);
  assert.equal(farm.status(1).state, "whole");
  await farm.stop();
});

test("a minority is refused and says so while the majority goes on; once they meet, everybody is confirmed again", async () => {
  const farm = await foundedFarm(eight);
  const { id } = farm.head(1);
  farm.partition([1, 2, 3, 4, 5], [6, 7, 8]);
  await until(farm.world, 30_000, "the majority is alone", () => [1, 2, 3, 4, 5].every((number) => farm.head(number).confirmed.size === 5));
  assert.equal(farm.head(7).id, id);
  assert.equal(farm.status(7).text, "partitioned (3 of 8 reachable, 5 needed)");
  assert.equal(farm.certificates(7).counts().final, 0);
  farm.world.network.heal();
  await farm.agreed(30_000, ...eight);
  await farm.stop();
});

test("after a restart of all nodes at once everybody knows at once who is confirmed, and changes go on", async () => {
  const farm = await foundedFarm([1, 2, 3, 4, 5]);
  const { id } = farm.head(1);
  await farm.world.clock.advance(100);
  await farm.kill(1, 2, 3, 4, 5);
  await farm.start(1, 2, 3, 4, 5);
  for (const number of [1, 2, 3, 4, 5]) assert.equal(farm.head(number).id, id);
  await farm.kill(5);
  await farm.agreed(30_000, 1, 2, 3, 4);
  await farm.stop();
});

test("where more than half are gone for good nothing moves until the owner declares them lost; then the rest goes on", async () => {
  const farm = await foundedFarm(eight);
  await farm.kill(4, 5, 6, 7, 8);
  await farm.world.clock.advance(60_000);
  assert.equal(farm.status(2).text, "partitioned (3 of 8 reachable, 5 needed)");
  await farm.declareLost(2, 4, 5, 6, 7, 8);
  await farm.agreed(10_000, 1, 2, 3);
  await farm.start(9);
  await farm.agreed(20_000, 1, 2, 3, 9);
  await farm.stop();
});

test("the owner's word outdoes certificates made meanwhile by those declared lost: both halves end with one chain", async () => {
  const farm = await foundedFarm(eight);
  farm.partition([1, 2, 3], [4, 5, 6, 7, 8]);
  await until(farm.world, 30_000, "the majority is alone", () => farm.head(4).confirmed.size === 5);
  await farm.start(9);
  const onTheOtherSide = [4, 5, 6, 7, 8, 9];
  farm.partition([9], [1, 2, 3]);
  await until(farm.world, 30_000, "a ninth joined the majority", () =>
    onTheOtherSide.every((number) => farm.head(number).confirmed.size === 6),
  );
  const word = await farm.declareLost(1, 4, 5, 6, 7, 8);
  farm.world.network.heal();
  await farm.agreed(60_000, ...eight, 9);
  for (const number of [...eight, 9]) assert.ok(farm.head(number).sequence > word.statement.sequence);
  await farm.stop();
});

test("a node that says goodbye for good leaves by certificate without a delay", async () => {
  const farm = await foundedFarm([1, 2, 3, 4, 5]);
  const leaver = farm.running.get(4);
  assert.ok(leaver !== undefined);
  await farm.world.clock.runUntil(leaver.membership.leave(leavingProof(farm.world, leaver, [...farm.running.values()])));
  await farm.kill(4);
  await until(farm.world, 3_000, "left", () => [1, 2, 3, 5].every((number) => !farm.head(number).confirmed.has(peerOf(4))));
  await farm.stop();
});

test("a node that lost its chain takes it from others, and signs nothing before", async () => {
  const farm = await foundedFarm([1, 2, 3, 4, 5]);
  await farm.kill(5);
  await farm.agreed(30_000, 1, 2, 3, 4);
  await farm.world.clock.advance(100);
  await farm.kill(4);
  await farm.loseChain(4);
  await farm.start(4);
  assert.equal(farm.head(4).sequence, 0);
  await farm.agreed(10_000, 1, 2, 3, 4);
  await farm.stop();
});

async function ask(farm: CertifiedFarm, from: number, kind: RequestKind, body: Uint8Array): Promise<Uint8Array> {
  const peers = farm.running.get(from)?.peers ?? assert.fail();
  const asked = peers.request(peerOf(1), kind, { body, chunks: [] }, { timeoutMs: 1_000 });
  return (await farm.world.clock.runUntil(asked)).body;
}

test("a stranger's vote is refused before anything is written, and its certificates lower its standing until it is blocked", async () => {
  const farm = await foundedFarm([1, 2, 3, 4]);
  // Number 20 runs right software with the network's key, but the owner never granted it anything.
  await farm.startStranger(20);
  await farm.world.clock.advance(5_000);
  assert.ok(!farm.head(1).confirmed.has(peerOf(20)), "without a grant nobody joins");
  const { id, sequence } = farm.head(1);
  const statement = { sequence: sequence + 1, previous: id, joining: [], leaving: peersOf([2]) };
  const request: VoteRequest = { step: "accept", previous: id, round: 20, statement, grants: [], earlier: null };
  const reply = decodeMessage(voteReply, await ask(farm, 20, "membership-votes", encodeMessage(voteRequest, request)));
  assert.deepEqual(reply, { ok: true, value: { kind: "declined", why: "stranger" } });
  const vote = { statement: statementId(genesis.networkId, statement), round: 20 };
  const signatures = [{ node: peerOf(20), signature: signVote(genesis.networkId, nodeKey(20), vote) }];
  const forged = sealCertificate(genesis.networkId, { statement, approval: { kind: "nodes", round: 20, signatures } });
  assert.deepEqual(await farm.certificates(1).offer(forged.bytes), {
    kind: "refused",
    code: "stranger",
    why: `${peerOf(20)} is not confirmed`,
  });
  const pretended = signAsOwner(genesis, nodeKey(20), statement);
  const offered = await farm.certificates(1).offer(pretended.bytes);
  assert.equal(offered.kind === "refused" ? offered.code : offered.kind, "bad-signature");
  const garbage = (): Promise<unknown> => ask(farm, 20, "certificates", Uint8Array.of(9, 9)).catch(() => "refused");
  for (let i = 0; i < 8; i += 1) assert.equal(await garbage(), "refused");
  const proper = encodeMessage(certificatesRequest, { known: [genesis.networkId], grant: null });
  await assert.rejects(ask(farm, 20, "certificates", proper), "it is ignored for a while");
  const other = decodeMessage(certificatesReply, await ask(farm, 2, "certificates", proper));
  assert.ok(other.ok && other.value.head === farm.head(1).id);
  assert.equal(farm.head(1).id, id);
  await farm.stop();
});
