// Proves in a whole farm on virtual time that a vault which claims what it does not keep is found by those that share chunks with
// it, that its claims count no more: the copies are made elsewhere, a statement that a node may be stopped does not count them,
// customers put and read round it; and that the liar's own judgement of all others moves nothing.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import type { Address } from "../../src/protocol/address.ts";
import { readStopStatement } from "../../src/protocol/safe-to-stop.ts";
import { addChunk, assertAllRead, assertAtRest, type Farm, filledFarm } from "./filled-farm.ts";
import { minute } from "./keeping-times.ts";
import type { SimNode } from "./sim-node.ts";

// The usual limits let ten minutes pass between two audits of a peer.
const reconciliation = { roundMs: 20_000, turnMsMin: 500, auditEveryMs: 20_000, settleMs: 5_000 };

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
