// Proves of what a holder makes of a look, over random farms, silences and pointers with the real directory and lasting view: within
// the repair delay of its copies no chunk is copied, beyond it as many as target allows, by one holder; who is back costs nothing;
// and copies that a full vault points to count, while it is offered none.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type ChunkFarm, createChunkFarm, delays, nodesMax, policy, recordIn } from "./chunk-fixture.ts";
import { type Looked, lookAt } from "./chunk-look.ts";

const peerOf = (n: number): PeerId => recordIn(n, "active").peerId;

/** What a holder makes of a look at the chunk. */
async function lookFrom({ view, address, holders, request }: ChunkFarm, self: PeerId): Promise<Looked> {
  const parts = { peers: { self, request }, policy, view, questionTimeoutMs: 1, refuses: () => false, holds: () => holders.has(self) };
  return (await lookAt(parts, [address], AbortSignal.any([]))).get(address) ?? assert.fail("not looked at");
}

/** For each node whether it fell silent, and how long before the look. */
const silences = fc.array(
  fc.option(fc.oneof(...[delays.fewest, delays.few, delays.enough, 3 * delays.enough].map((most) => fc.nat(most))), {
    nil: undefined,
    freq: 2,
  }),
  { minLength: 6, maxLength: nodesMax },
);
const lookMs = 3 * delays.enough;

/** Where copies lie among the first `max`: those further out were displaced once, by vaults without room or nodes that were away. */
const places = fc.shuffledSubarray(
  Array.from({ length: policy.max }, (_, place) => place),
  { minLength: policy.max },
);

/** A farm whose chunk lay in `target` of these places, some nodes silent for so long. */
function silencedFarm(silent: readonly (number | undefined)[], chunk: number, order: readonly number[]): ChunkFarm {
  const records = silent.map((_, n) => recordIn(n, "active"));
  const farm = createChunkFarm(records, chunk, 16);
  const near = farm.view.keepers(farm.address, "enough").map(({ peer }) => peer);
  for (const place of order.filter((one) => one < near.length).slice(0, policy.target)) farm.holders.add(near[place] ?? assert.fail());
  const fallen = silent.flatMap((ms, n) => (ms === undefined ? [] : [{ ms, peer: peerOf(n) }]));
  for (const { ms, peer } of fallen.sort((a, b) => b.ms - a.ms)) {
    farm.setNow(lookMs - ms);
    farm.views.setState(peer, "suspected");
    farm.views.confirm(peer, true);
  }
  farm.setNow(lookMs);
  return farm;
}

test("within the delay that its live copies allow no chunk is copied, beyond it by one holder as often as target allows", async () => {
  await fc.assert(
    fc.asyncProperty(silences, fc.nat(10_000), places, fc.nat(nodesMax), async (silent, chunk, order, deafNode) => {
      const farm = silencedFarm(silent, chunk, order);
      const { holders, deaf, view } = farm;
      const deafPeer = silent[deafNode] === undefined ? peerOf(deafNode) : undefined;
      if (deafPeer !== undefined && deafNode < silent.length) deaf.add(deafPeer);
      const silentMs = new Map(silent.map((ms, n) => [peerOf(n), ms]));
      const live = [...holders].filter((peer) => view.isHere(peer) && !deaf.has(peer));
      const delayMs = live.length >= policy.min ? delays.enough : live.length === policy.min - 1 ? delays.few : delays.fewest;
      const isLost = (peer: PeerId): boolean => (silentMs.get(peer) ?? 0) >= delayMs;
      const plans = await Promise.all(live.map(async (peer) => (await lookFrom(farm, peer)).plan));
      for (const plan of plans) {
        assert.equal(plan.copies, live.length);
        assert.deepEqual(plan.proofs, [], "nothing is dropped");
        assert.deepEqual(plan.orders, plans[0]?.orders, "all holders decide the same");
        if (![...holders].some(isLost)) assert.deepEqual(plan.orders, [], "nobody is lost yet");
      }
      assert.equal(plans.filter(({ ahead }) => ahead.length === 0).length, Math.min(1, live.length));
      const there = [...silentMs].filter(([, ms]) => ms === undefined).length;
      const noneAwaited = deaf.size === 0 && [...silentMs].every(([peer, ms]) => ms === undefined || isLost(peer));
      for (const { copies, orders } of noneAwaited ? plans : []) assert.equal(copies + orders.length, Math.min(policy.target, there));
    }),
    { numRuns: 250, seed: 20261128 },
  );
});

test("who is back before a copy was made costs nothing, however long it was silent", async () => {
  await fc.assert(
    fc.asyncProperty(silences, fc.nat(10_000), places, async (silent, chunk, order) => {
      const farm = silencedFarm(silent, chunk, order);
      for (const { record } of farm.views.directory.nodes()) farm.views.setState(record.peerId, "live");
      farm.view.tick();
      for (const peer of farm.holders) {
        const { plan } = await lookFrom(farm, peer);
        assert.deepEqual([plan.copies, plan.orders, plan.proofs, plan.short], [policy.target, [], [], 0]);
      }
    }),
    { numRuns: 80, seed: 20261128 },
  );
});

/** What a node is to a chunk: where it lies, a vault without room that knows who took it or does not, or one that could take it. */
type Role = "holder" | "points" | "cordoned" | "free";
const roles = fc.array(fc.constantFrom<Role>("holder", "points", "cordoned", "free", "free"), { minLength: 6, maxLength: nodesMax });

test("copies that a vault without room points to count wherever they lie, and it is offered none", async () => {
  const circle = 6;
  await fc.assert(
    fc.asyncProperty(roles, fc.nat(10_000), fc.nat(), async (cast, chunk, mix) => {
      const records = cast.map((role, n) => recordIn(n, role === "cordoned" ? role : "active"));
      const farm = createChunkFarm(records, chunk, circle);
      const { view, holders, pointers, address } = farm;
      const having = (wanted: Role): readonly PeerId[] => records.flatMap(({ peerId }, n) => (cast[n] === wanted ? [peerId] : []));
      const [self, ...others] = having("holder");
      if (self === undefined) return;
      for (const peer of having("holder")) holders.add(peer);
      for (const [i, peer] of having("points").entries()) pointers.set(peer, [self, ...others][(mix + i) % holders.size] ?? self);
      const near = view.answering(address);
      const seen = new Set([self, ...near.filter((peer) => holders.has(peer))]);
      for (const peer of near) {
        const taker = pointers.get(peer);
        if (taker !== undefined) seen.add(taker);
      }
      const { plan } = await lookFrom(farm, self);
      assert.equal(plan.copies, seen.size);
      const able = view
        .keepers(address, "enough")
        .filter(({ peer }) => having("free").includes(peer) || (holders.has(peer) && !seen.has(peer)));
      assert.equal(plan.orders.length, Math.min(Math.max(0, policy.target - seen.size), able.length));
      for (const { to } of plan.orders)
        assert.ok(
          able.some(({ peer }) => peer === to),
          "offered to one that has no room, or has it",
        );
    }),
    { numRuns: 250, seed: 20261128 },
  );
});
