// Proves that a node's statement that it may be stopped, and a second source's, say what is so: who sees all disks counts
// the same; a holder that only claims its copy, a node that dies meanwhile, and one that hides nothing but has too little
// elsewhere are found out; what was said to be safe to remove is; and that a node gives its word to others where it would be believed.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { StopWitnessReply } from "../../src/protocol/messages/stop-witness.ts";
import type { PeerId } from "../../src/protocol/peer-id.ts";
import { readStopStatement, readStopWitness, type StopPurpose, type StopStatement } from "../../src/protocol/safe-to-stop.ts";
import { mayBeStopped, type StopDecision, type StopPair, type WitnessCandidate, witnessFor } from "../../src/protocol/stop-decision.ts";
import type { StopJob } from "../../src/vault-node/safe-to-stop/stop-jobs.ts";
import { addChunk, assertAllRead, type Farm, fewestCopies, filledFarm, liveCopies } from "./filled-farm.ts";
import { minute } from "./keeping-times.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimWorld } from "./sim-world.ts";

async function made(world: SimWorld, ask: () => Promise<StopJob> | undefined): Promise<Uint8Array> {
  for (;;) {
    const asked = ask();
    assert.ok(asked);
    const job = await world.clock.runUntil(asked);
    if (job.kind === "done") return job.bytes;
    assert.equal(job.kind, "working");
  }
}

async function stated(world: SimWorld, node: SimNode, purpose: StopPurpose): Promise<StopStatement & { readonly bytes: Uint8Array }> {
  const bytes = await made(world, () => node.stops()?.state(purpose));
  const read = readStopStatement(world.genesis.networkId, bytes);
  assert.ok(read.ok);
  return { ...read.value, bytes };
}

const candidate = (peerId: PeerId): { readonly peerId: PeerId; readonly host: string } => ({ peerId, host: "" });

async function pairOf(world: SimWorld, node: SimNode): Promise<StopPair> {
  const { bytes } = await stated(world, node, "removal");
  const candidates = world.nodes.filter((one) => one.up()).map(({ peer }) => candidate(peer));
  const turn = witnessFor(bytes, candidate(node.peer), candidates);
  const second = world.nodes.find(({ peer }) => peer === turn?.peerId);
  const witness = await made(world, () => second?.stops()?.witness(bytes));
  return { statement: bytes, witness, takenAtMs: world.clock.monotonicMs() };
}

async function decide(world: SimWorld, node: SimNode, between: () => Promise<void> | void = () => {}): Promise<StopDecision> {
  const first = await pairOf(world, node);
  await between();
  await world.clock.advance(31_000);
  const second = await pairOf(world, node);
  const { networkId, copies } = world.genesis;
  const candidates = world.nodes.filter((one) => one.up()).map(({ peer }) => candidate(peer));
  const nowMs = world.clock.monotonicMs();
  return mayBeStopped({ networkId, copies, node: candidate(node.peer), purpose: "removal", candidates, first, second, nowMs });
}

function shortWithout({ world, chunks }: Farm, node: SimNode, needed: number): number {
  const held = [...chunks.keys()].filter((address) => node.disk().info(address) !== undefined);
  return held.filter((address) => liveCopies(world, address) - 1 < needed).length;
}

describe("a node that is to stop", () => {
  it("says what would be missing, before, during and after its drain; then it is removed and everything is there", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    const [, , node] = world.nodes;
    assert.ok(node);
    const before = await stated(world, node, "removal");
    assert.deepEqual([before.short, before.stayers], [shortWithout(farm, node, 5), world.nodes.length - 1]);
    assert.ok(before.short === before.count && before.bytesLeft === before.count * 1000, "all it holds has one copy less without it");
    assert.equal((await stated(world, node, "restart")).short, 0);
    node.want("draining");
    await world.clock.advance(minute);
    assert.equal((await stated(world, node, "removal")).short, 0);
    assert.deepEqual(await decide(world, node), { ok: true });
    await node.crash();
    assert.ok(fewestCopies(farm) >= 5);
    await assertAllRead(farm);
    await world.stop();
  });

  it("a holder that dies between the two looks voids them", async () => {
    const { world } = await filledFarm();
    const [, , node, , victim] = world.nodes;
    assert.ok(node && victim);
    node.want("draining");
    await world.clock.advance(minute);
    const decision = await decide(world, node, () => victim.crash());
    assert.equal(decision.ok, false);
    await world.stop();
  });

  it("a chunk that rotted where it was copied to is found by the second source, which asks to see it", async () => {
    const farm = await filledFarm();
    const { world, chunks } = farm;
    const [, , node] = world.nodes;
    assert.ok(node);
    node.want("draining");
    await world.clock.advance(minute);
    // On every node but one that stays: counts say five, only one can show it.
    for (const address of chunks.keys())
      if (node.disk().info(address) !== undefined)
        for (const other of world.nodes.slice(3).filter((one) => one.disk().info(address) !== undefined)) other.disk().damage(address);
    const { witness } = await pairOf(world, node);
    const word = readStopWitness(world.genesis.networkId, witness);
    assert.ok(word.ok && word.value.short === 0 && word.value.failed > 0, "the copies are counted and cannot be shown");
    await world.stop();
  });

  it("with four nodes it cannot be removed, and with nobody's statement but its own it is no second source", async () => {
    const { world } = await filledFarm({ nodes: 4 });
    const [node, other] = world.nodes;
    assert.ok(node && other);
    const { bytes, stayers } = await stated(world, node, "removal");
    assert.equal(stayers, 3);
    const decision = await decide(world, node);
    assert.ok(!decision.ok && decision.obstacle === "too-few-nodes");
    const own = node.stops()?.witness(bytes);
    assert.equal((await world.clock.runUntil(own ?? assert.fail())).kind, "failed");
    const junk = other.stops()?.witness(Uint8Array.of(1, 2, 3));
    assert.equal((await world.clock.runUntil(junk ?? assert.fail())).kind, "failed");
    await world.stop();
  });
});

describe("a node that another one asks for its word", () => {
  it("gives it on the statement of a third where it is its turn, soon after; else it does not look", async () => {
    const { world } = await filledFarm();
    const [asker, , node] = world.nodes;
    assert.ok(asker && node);
    node.want("draining");
    await world.clock.advance(minute);
    const { bytes } = await stated(world, node, "removal");
    const labelled = ({ peer, number }: SimNode): WitnessCandidate => ({ peerId: peer, host: `host-${number}` });
    const turn = witnessFor(bytes, labelled(node), world.nodes.map(labelled));
    const ask = async (whom: SimNode | undefined, statement: Uint8Array): Promise<StopWitnessReply> =>
      world.clock.runUntil(whom?.stops()?.desk.ask(asker.peer, statement) ?? assert.fail());
    const witness = world.nodes.find(({ peer }) => peer === turn?.peerId);
    for (const other of world.nodes.filter((one) => one !== witness && one !== node))
      assert.deepEqual(await ask(other, bytes), { kind: "declined", why: "other-turn" });
    assert.deepEqual(await ask(node, bytes), { kind: "declined", why: "unknown" }, "its own statement");
    assert.deepEqual(await ask(witness, Uint8Array.of(1, 2, 3)), { kind: "declined", why: "unknown" });
    let reply = await ask(witness, bytes);
    for (let asked = 0; reply.kind === "working" && asked < 50; asked += 1) reply = await ask(witness, bytes);
    const word = reply.kind === "signed" ? readStopWitness(world.genesis.networkId, reply.word) : assert.fail(reply.kind);
    assert.ok(word.ok && word.value.witness === witness?.peer && word.value.short === 0);
    await world.clock.advance(181_000);
    assert.deepEqual(await ask(witness, bytes), { kind: "declined", why: "too-old" });
    await world.stop();
  });
});

describe("a node that gets SIGTERM", () => {
  it("costs no copy below min, whatever it was given just before", async () => {
    const farm = await filledFarm();
    const { world, chunks } = farm;
    for (let round = 0; round < 6; round += 1) {
      await addChunk(farm);
      const [address] = [...chunks.keys()].slice(-1);
      const [first, second] = world.nodes.filter((node) => node.up() && address !== undefined && node.disk().info(address) !== undefined);
      assert.ok(address && first && second);
      // Acknowledged with min copies: the fifth never came.
      await world.clock.runUntil(second.disk().remove(address));
      assert.equal(liveCopies(world, address), 4);
      await world.clock.runUntil(first.terminate());
      assert.ok(fewestCopies(farm) >= 4, `round ${round}: ${fewestCopies(farm)} copies`);
      await world.clock.runUntil(first.start(world.nodes.flatMap((other) => other.addresses())));
      await world.clock.advance(2 * minute);
    }
    await assertAllRead(farm);
    await world.stop();
  });
});
