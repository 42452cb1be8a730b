// Proves of the pure planner, over random histories of a farm: no copy is ever dropped below `target` by our own hand, a
// plan carried out leaves nothing to plan, everything ends whole where there is room, also of holders that know different things;
// and a few cases one by one.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type ChunkPlan, type Keeper, planChunk } from "./plan-chunk.ts";

const policy: CopiesPolicy = { min: 4, target: 5, max: 8 };
const nodeCount = 12;
const names = Array.from({ length: nodeCount }, (_, n) => {
  const { publicKey } = signingKeyFromSeed(new Uint8Array(32).fill(n + 1));
  return { peer: peerIdFromPublicKey(publicKey), vault: vaultName(publicKey) };
});

/** absent: away or silent within the delay · lost: beyond it · leaving: draining · full: cordoned. */
type Condition = "active" | "joining" | "full" | "absent" | "lost" | "leaving";
const conditions: readonly Condition[] = ["active", "joining", "full", "absent", "lost", "leaving"];
type World = { readonly conditions: Condition[]; readonly holding: Set<number> };

const answers = (condition: Condition | undefined): boolean => condition !== "absent" && condition !== "lost";
const counts = (condition: Condition | undefined): boolean => answers(condition) && condition !== "leaving";
const copiesIn = ({ conditions: now, holding }: World): number => [...holding].filter((n) => counts(now[n])).length;

/** What the holder `n` decides; the nodes stand in the order of their distance. */
function planAt({ conditions: now, holding }: World, n: number): ChunkPlan {
  const keepers: Keeper[] = names.flatMap((name, i) => {
    const condition = now[i];
    if (condition === "lost" || condition === "leaving") return [];
    return [
      { ...name, here: answers(condition), takes: condition === "active" || condition === "joining", joining: condition === "joining" },
    ];
  });
  const holders = new Set([...holding].filter((i) => answers(now[i])).map((i) => names[i]?.peer ?? assert.fail()));
  return planChunk({ policy, self: names[n]?.peer ?? assert.fail(), keepers, holders, silent: new Set() });
}

const numberOf = (peer: PeerId): number => names.findIndex((name) => name.peer === peer);

/** One round: every holder that answers plans with the same facts, the first one's orders are carried out, and all drops together. */
function round(world: World): number {
  const plans = [...world.holding].filter((n) => answers(world.conditions[n])).map((n) => ({ n, plan: planAt(world, n) }));
  const orders = plans.filter(({ plan }) => plan.ahead.length === 0).flatMap(({ plan }) => plan.orders);
  const drops = plans.filter(({ plan }) => plan.proofs.length > 0);
  assert.ok(plans.filter(({ plan }) => plan.ahead.length === 0).length <= 1, "two holders think it is their turn");
  for (const { plan } of drops) {
    assert.ok(plan.proofs.length >= policy.target);
    assert.ok(plan.proofs.every((peer) => world.holding.has(numberOf(peer))));
  }
  const before = copiesIn(world);
  for (const { n } of drops) world.holding.delete(n);
  if (drops.length > 0) assert.ok(copiesIn(world) >= policy.target, `dropped from ${before} to ${copiesIn(world)}`);
  for (const { to } of orders) world.holding.add(numberOf(to));
  assert.ok(copiesIn(world) <= Math.max(before, policy.max), "more copies than may be");
  return orders.length + drops.length;
}

const history = fc.record({
  holding: fc.uniqueArray(fc.nat(nodeCount - 1), { minLength: 1, maxLength: policy.max }),
  changes: fc.array(fc.record({ node: fc.nat(nodeCount - 1), to: fc.constantFrom(...conditions), rounds: fc.nat(3) }), { maxLength: 30 }),
});

test("over any history: nothing is dropped below target, no two holders act at once, and it comes to rest", () => {
  fc.assert(
    fc.property(history, ({ holding, changes }) => {
      const world: World = { conditions: names.map(() => "active"), holding: new Set(holding) };
      for (const { node, to, rounds } of changes) {
        world.conditions[node] = to;
        for (let i = 0; i < rounds; i += 1) round(world);
      }
      let rounds = 0;
      while (round(world) > 0) {
        rounds += 1;
        assert.ok(rounds <= 4, "it does not come to rest");
      }
    }),
    { numRuns: 2000 },
  );
});

test("at rest a chunk that still has a live holder has all copies that the nodes there allow", () => {
  fc.assert(
    fc.property(history, ({ holding, changes }) => {
      const world: World = { conditions: names.map(() => "active"), holding: new Set(holding) };
      for (const { node, to } of changes) world.conditions[node] = to;
      while (round(world) > 0);
      if (![...world.holding].some((n) => answers(world.conditions[n]))) return;
      const absent = world.conditions.filter((one) => one === "absent").length;
      const able = world.conditions.filter((one, n) => one === "active" || one === "joining" || (one === "full" && world.holding.has(n)));
      assert.ok(copiesIn(world) >= Math.min(policy.target - absent, able.length), `${copiesIn(world)} copies`);
    }),
    { numRuns: 2000 },
  );
});

/** What one holder knows: who holds the chunk as far as it was told, who did not answer, and whom it counts as lost. */
type Sight = { readonly told: readonly number[]; readonly deaf: readonly number[]; readonly lost: readonly number[] };
const some = fc.uniqueArray(fc.nat(nodeCount - 1), { maxLength: 6 });
const sights: fc.Arbitrary<readonly Sight[]> = fc.array(fc.record({ told: fc.subarray(names.map((_, n) => n)), deaf: some, lost: some }), {
  minLength: nodeCount,
  maxLength: nodeCount,
});

/** What the holder `n` decides by what it knows itself; of nodes that do not hold the chunk nobody says that they do. */
function planBySight(holding: ReadonlySet<number>, n: number, { told, deaf, lost }: Sight): ChunkPlan {
  const keepers = names.flatMap((name, i) => (lost.includes(i) && i !== n ? [] : [{ ...name, here: true, takes: true, joining: false }]));
  const peerOf = (i: number): PeerId => names[i]?.peer ?? assert.fail();
  const holders = new Set([n, ...told.filter((i) => holding.has(i) && !deaf.includes(i))].map(peerOf));
  const silent = new Set(deaf.filter((i) => i !== n).map(peerOf));
  return planChunk({ policy, self: peerOf(n), keepers, holders, silent });
}

test("holders that know different things, and drop at the same moment, leave the first target of them", () => {
  let dropped = 0;
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(nodeCount - 1), { minLength: policy.target + 1, maxLength: nodeCount }), sights, (held, all) => {
      const holding = new Set(held);
      const drops = held.filter((n) => planBySight(holding, n, all[n] ?? assert.fail()).proofs.length > 0);
      const first = held.toSorted((a, b) => a - b).slice(0, policy.target);
      for (const n of drops) assert.ok(!first.includes(n), `holder ${n} of ${held} drops its copy`);
      dropped += drops.length;
    }),
    { numRuns: 2000, seed: 20261128 },
  );
  assert.ok(dropped > 100, "where nobody drops nothing is proven");
});

test("who does not answer is waited for: nothing is copied in its place, nor is it offered a copy", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(policy.max - 1), { minLength: policy.target, maxLength: policy.target }), some, (held, deaf) => {
      const holding = new Set(held);
      const [n] = held.filter((one) => !deaf.includes(one));
      if (n === undefined) return;
      const { orders, proofs } = planBySight(holding, n, { told: held, deaf, lost: [] });
      assert.deepEqual([orders, proofs], [[], []]);
    }),
    { numRuns: 2000, seed: 20261128 },
  );
});

test("what every node that joins is owed it gets, up to max copies, and then the furthest drop theirs", () => {
  const world: World = { conditions: names.map(() => "active"), holding: new Set([3, 4, 5, 6, 7]) };
  for (const n of [0, 1]) world.conditions[n] = "joining";
  assert.deepEqual(
    planAt(world, 3).orders.map(({ to, why }) => [numberOf(to), why]),
    [
      [0, "placement"],
      [1, "placement"],
    ],
  );
  while (round(world) > 0);
  assert.deepEqual(
    [...world.holding].sort((a, b) => a - b),
    [0, 1, 3, 4, 5],
  );
});

test("a node that is away within its delay is waited for, one that is lost is replaced by the next that can take it", () => {
  const world: World = { conditions: names.map(() => "active"), holding: new Set([0, 1, 2, 3, 4]) };
  world.conditions[2] = "absent";
  assert.deepEqual(planAt(world, 0).orders, []);
  world.conditions[2] = "lost";
  world.conditions[5] = "full";
  assert.deepEqual(
    planAt(world, 0).orders.map(({ to, why }) => [numberOf(to), why]),
    [[6, "repair"]],
  );
  assert.deepEqual(planAt(world, 3).ahead.map(numberOf), [0, 1], "the third holder waits for the two before it");
});

test("a draining node's copies do not count, but it can make them; it never drops one", () => {
  const world: World = { conditions: names.map(() => "lost"), holding: new Set([0]) };
  world.conditions[0] = "leaving";
  for (const n of [3, 4]) world.conditions[n] = "active";
  const plan = planAt(world, 0);
  assert.deepEqual([plan.copies, plan.ahead, plan.orders.map(({ to }) => numberOf(to)), plan.short], [0, [], [3, 4], 3]);
  while (round(world) > 0);
  assert.ok(world.holding.has(0));
});

test("a copy further out than target, with one that cannot be asked, is waited for like any other", () => {
  const world: World = { conditions: names.map(() => "active"), holding: new Set([0, 1, 2, 3, 6]) };
  world.conditions[6] = "absent";
  assert.deepEqual(planAt(world, 0).orders, []);
  world.conditions[6] = "lost";
  assert.deepEqual(
    planAt(world, 0).orders.map(({ to, why }) => [numberOf(to), why]),
    [[4, "repair"]],
  );
});

test("so is one at the far end of the circle while min copies are seen; with fewer, copies are made at once", () => {
  const world: World = { conditions: names.map(() => "active"), holding: new Set([0, 1, 2, 3, 11]) };
  world.conditions[11] = "absent";
  assert.deepEqual(planAt(world, 0).orders, []);
  world.holding.delete(3);
  assert.deepEqual(
    planAt(world, 0).orders.map(({ to }) => numberOf(to)),
    [3, 4],
  );
});
