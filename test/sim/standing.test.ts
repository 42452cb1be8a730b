// Proves in a whole farm on virtual time that a vault which claims what it does not keep is found by those that share chunks with
// it, that its claims count no more: the copies are made elsewhere, a statement that a node may be stopped does not count them,
// customers put and read round it; and that the liar's own judgement of all others moves nothing. The same of three liars among
// eight nodes, and of one that never gives a wrong word because it answers `later` for ever; a node that is only busy for a while keeps
// all that it has.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import type { Address } from "../../src/protocol/address.ts";
import { readStopStatement } from "../../src/protocol/safe-to-stop.ts";
import { addChunk, assertAllRead, assertAtRest, type Farm, filledFarm } from "./filled-farm.ts";
import { minute } from "./keeping-times.ts";
import type { SimNode } from "./sim-node.ts";

// The usual limits let ten minutes pass between two audits of a peer.
const reconciliation = { roundMs: 20_000, turnMsMin: 500, auditEveryMs: 20_000, settleMs: 5_000, patienceMs: 60_000 };

const honest = ({ world }: Farm): readonly SimNode[] => world.nodes.filter(({ lies }) => !lies);
const distrustedBy = (node: SimNode): readonly string[] => [...(node.upkeep()?.scoreboard.distrusted() ?? [])];

function fewestHonest(farm: Farm): number {
  const copies = (address: Address): number => honest(farm).filter((node) => node.keeps(address)).length;
  return Math.min(...[...farm.chunks.keys()].map(copies));
}

it("a liar is found, its copies are made elsewhere, and it is asked and given nothing more; its slander moves nothing", async () => {
  const farm = await filledFarm({ liars: 1, reconciliation });
  const { world } = farm;
  const liar = world.nodes.find(({ lies }) => lies) ?? assert.fail();
  const claims = (): number => [...farm.chunks.keys()].filter((address) => liar.claims(address)).length;
  assert.ok(claims() > 50, "it was given its share");
  for (let waited = 0; waited < 60 && fewestHonest(farm) < 5; waited += 1) await world.clock.advance(10_000);
  assert.equal(fewestHonest(farm), 5);
  for (const node of honest(farm)) assert.deepEqual(distrustedBy(node), [liar.peer], `node ${node.number}`);
  assert.deepEqual(distrustedBy(liar), [], "who finds everybody wanting is likelier wrong itself");

  // What the liar publishes of others reaches customers as theirs of it does.
  await world.clock.advance(10 * minute);
  const claimed = claims();
  for (let n = 0; n < 20; n += 1) await addChunk(farm);
  assert.equal(claims(), claimed, "it was given new chunks");
  assert.equal(fewestHonest(farm), 5);
  await assertAllRead(farm);
  await assertAtRest(world);

  // With the liar's claims each chunk would have five others.
  const [leaver] = honest(farm);
  const stated = leaver?.stops()?.state("removal") ?? assert.fail();
  const job = await world.clock.runUntil(stated);
  const statement = job.kind === "done" ? readStopStatement(world.genesis.networkId, job.bytes) : assert.fail(job.kind);
  assert.ok(statement.ok && statement.value.stayers === 6 && statement.value.short > 0, JSON.stringify(statement));
  await world.stop();
});

it("three liars among eight nodes are all found, no read fails, and five copies lie with those that keep them", async () => {
  const farm = await filledFarm({ liars: 3, reconciliation });
  const { world } = farm;
  const liars = world.nodes.filter(({ lies }) => lies).map(({ peer }) => peer);
  assert.ok([...farm.chunks.keys()].some((address) => world.nodes.filter((node) => node.lies && node.claims(address)).length === 3));
  const allFound = (): boolean => honest(farm).every((node) => liars.every((liar) => distrustedBy(node).includes(liar)));
  for (let waited = 0; waited < 30 && !(allFound() && fewestHonest(farm) === 5); waited += 1) {
    await assertAllRead(farm);
    await world.clock.advance(10_000);
  }
  assert.equal(fewestHonest(farm), 5);
  for (const node of honest(farm)) assert.deepEqual(new Set(distrustedBy(node)), new Set(liars), `node ${node.number}`);
  for (let n = 0; n < 10; n += 1) await addChunk(farm);
  await world.clock.advance(minute);
  assert.equal(fewestHonest(farm), 5, "new chunks lie with those that keep them");
  await assertAllRead(farm);
  await world.stop();
});

it("a liar that answers `later` for ever is found by that, and its copies are made elsewhere", async () => {
  const farm = await filledFarm({ liars: 1, reconciliation, putsOff: (number) => number === 1 });
  const { world } = farm;
  const liar = world.nodes.find(({ lies }) => lies) ?? assert.fail();
  const allFound = (): boolean => honest(farm).every((node) => distrustedBy(node).includes(liar.peer));
  for (let waited = 0; waited < 60 && !(allFound() && fewestHonest(farm) === 5); waited += 1) await world.clock.advance(10_000);
  assert.ok(allFound());
  assert.equal(fewestHonest(farm), 5);
  await assertAllRead(farm);
  // The faults are of a node, conduct is of each of its vaults.
  const seen = honest(farm).flatMap((node) => node.upkeep()?.scoreboard.scores() ?? []);
  for (const { peer, faults, conduct } of seen)
    if (peer === liar.peer) assert.ok((faults["put-off"] ?? 0) > 0 && faults["wrong-proof"] === undefined, JSON.stringify(faults));
    else assert.deepEqual([faults["put-off"], conduct], [undefined, 1], peer);
  assert.ok(seen.some(({ peer, conduct }) => peer === liar.peer && conduct < 0.6));
  await world.stop();
});

it("a node that is busy for a while is believed all the while; one that was so for too long is believed again", async () => {
  let busy = false;
  const farm = await filledFarm({ reconciliation, putsOff: (number) => busy && number === 1 });
  const { world } = farm;
  const [, node] = world.nodes;
  const others = world.nodes.filter((other) => other !== node);
  const doubting = (): number => others.filter((other) => distrustedBy(other).length > 0).length;
  const waitUntil = async (met: () => boolean, withinMs: number): Promise<void> => {
    for (let waitedMs = 0; waitedMs < withinMs && !met(); waitedMs += 10_000) await world.clock.advance(10_000);
    assert.ok(met());
  };
  busy = true;
  await world.clock.advance(reconciliation.patienceMs - 10_000);
  busy = false;
  await world.clock.advance(3 * minute);
  assert.equal(doubting(), 0);
  busy = true;
  await waitUntil(() => doubting() > others.length / 2, 60 * minute);
  busy = false;
  await waitUntil(() => doubting() === 0, 150 * minute);
  assert.ok([...farm.chunks.keys()].filter((address) => node?.keeps(address)).length > 50, "it keeps what it had");
  await world.stop();
});

it("a node that refuses copies for long, against its own record, is at fault where others offered them; its own copies count on", async () => {
  let refuses = false;
  // A loss of 150 chunks makes one or two offers to it by each of the others; real farms have thousands.
  const farm = await filledFarm({ reconciliation: { ...reconciliation, putOffsMin: 2 }, refuses: (number) => refuses && number === 1 });
  const { world } = farm;
  const refuser = world.nodes[1] ?? assert.fail();
  const others = world.nodes.filter((node) => node !== refuser);
  const faults = (): number =>
    others.reduce((sum, node) => {
      const seen = node
        .upkeep()
        ?.scoreboard.scores()
        .find(({ peer }) => peer === refuser.peer);
      return sum + (seen?.faults.refused ?? 0);
    }, 0);
  refuses = true;
  // What was lost is offered to those who should have it now; each loss makes new offers.
  for (const lost of [2, 3]) {
    assert.equal(faults(), 0, "one time of refusing says nothing");
    await world.nodes[lost]?.crash();
    for (let waited = 0; waited < 12 && faults() === 0; waited += 1) await world.clock.advance(15_000);
  }
  assert.ok(faults() > 0);
  for (const node of others.filter((other) => other.up())) assert.deepEqual(distrustedBy(node), []);
  await assertAllRead(farm);
  await world.stop();
});
