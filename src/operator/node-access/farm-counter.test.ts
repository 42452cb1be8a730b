// Proves that a farm's count keeps its beginning while it is no worse and counted by the same nodes, other members of the network among
// them, and that a node which was just taken away changes nothing. Method: looks one after the other. And that by it a farm is whole
// only where every chunk of the network has its copies, over random networks of which it has some nodes.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { lowCopies } from "../../protocol/node-figures.ts";
import type { MemberSeen } from "../../protocol/node-status.ts";
import { createMembersTally, type MembersTold } from "../vault-farm/other-members.ts";
import { farmOf, goalWith, idOf, podNode } from "../vault-farm/plan-fixture.ts";
import { isWhole } from "../vault-farm/wholeness.ts";
import { createFarmCounter, type FarmCounter } from "./farm-counter.ts";

const networkId = "of all";
const policy = { min: 4, target: 5, max: 8 };
const counted = { copies: { live: [0, 0, 0, 0, 0, 7], partial: false } };
const low = { copies: { live: [0, 0, 0, 0, 1, 7], partial: false } };

/** What node a tells of these. */
function tells(...next: readonly MemberSeen[]): MembersTold {
  const tally = createMembersTally(networkId);
  tally.add({ peerId: idOf("a"), networkId, members: { live: next.length + 1, next } });
  return tally.told();
}
const nobody = tells();
const other = (counted: MemberSeen["counted"] = { belowMin: 0, lowest: 5 }): MemberSeen => ({ peerId: idOf("z"), counted, takes: true });

type Look = { readonly nodes?: readonly string[]; readonly says?: typeof counted | undefined; readonly told?: MembersTold };

function take(counter: FarmCounter, nowMs: number, look: Look = {}) {
  const { told = nobody, nodes: names = ["a", "b"] } = look;
  const nodes = names.map((name) => podNode(name));
  const says = "says" in look ? look.says : counted;
  return counter.take({ nodes, counting: nodes, copiesOf: () => says, told, policy }, nowMs);
}

test("a count keeps its beginning while it is no worse; what was not known in between and what others counted begin anew", () => {
  const counter = createFarmCounter();
  assert.equal(take(counter, 10).copies?.sinceMs, 10);
  assert.equal(take(counter, 20).copies?.sinceMs, 10);
  assert.equal(take(counter, 30, { says: low }).copies?.sinceMs, 30);
  assert.deepEqual(take(counter, 40, { says: undefined }), {});
  assert.equal(take(counter, 50, { says: low }).copies?.sinceMs, 50);
  assert.equal(take(counter, 60, { says: low, nodes: ["a", "c"] }).copies?.sinceMs, 60);
});

test("another member that comes, counts, counts fewer copies or goes lets the count begin anew; while it counts the same, it goes on", () => {
  const counter = createFarmCounter();
  take(counter, 0);
  const looks: readonly (readonly [number, MembersTold, number, number])[] = [
    [10, tells(other(null)), 0, 1],
    [20, tells(other()), 20, 0],
    [30, tells(other()), 20, 0],
    [40, tells(other({ belowMin: 0, lowest: 4 })), 40, 0],
    [50, tells(other({ belowMin: 1, lowest: 4 })), 50, 0],
  ];
  for (const [nowMs, told, sinceMs, uncounted] of looks) {
    const { copies, others } = take(counter, nowMs, { told });
    assert.deepEqual([copies?.sinceMs, others?.live, others?.uncounted], [sinceMs, 1, uncounted], String(nowMs));
  }
  assert.deepEqual(take(counter, 60), { copies: { belowMin: 0, lowest: 5, by: "a,b", sinceMs: 60 } });
});

test("a node that was just taken away, and that others still see live, is waited for by nobody", () => {
  const counter = createFarmCounter();
  take(counter, 0, { nodes: ["a", "b", "z"] });
  const told = tells(other(null));
  assert.equal(take(counter, 10, { told }).copies?.sinceMs, 10);
  for (const nowMs of [5_000, 40_000]) {
    const { copies, others } = take(counter, nowMs, { told: nowMs > 10_000 ? nobody : told });
    assert.deepEqual([copies?.sinceMs, others], [10, undefined], "as long as a farm alone waits");
  }
});

/** A network: who holds each chunk, and how many of its nodes are ours; `blind`: who tells of whom as uncounted; `untold`: of whom all tell as a number only. */
type Network = {
  readonly nodes: number;
  readonly own: number;
  readonly chunks: readonly (readonly number[])[];
  readonly blind: readonly (readonly [number, number])[];
  readonly untold: readonly number[];
};

const some = fc.nat(11);
const pairs = fc.oneof(fc.constant([]), fc.array(fc.tuple(some, some), { maxLength: 3 }));
const anyNetwork: fc.Arbitrary<Network> = fc.integer({ min: 5, max: 12 }).chain((nodes) => {
  const all = Array.from({ length: nodes }, (_, n) => n);
  const chunk = fc.oneof(
    { weight: 5, arbitrary: fc.shuffledSubarray(all, { minLength: 5, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.shuffledSubarray(all, { minLength: 1, maxLength: 5 }) },
  );
  const own = fc.integer({ min: 4, max: nodes });
  return fc.record({
    nodes: fc.constant(nodes),
    own,
    chunks: fc.array(chunk, { maxLength: 6 }),
    blind: pairs,
    untold: fc.array(some, { maxLength: 1 }),
  });
});

// The first holder of a chunk counts it.
function livesAt({ chunks }: Network, node: number): readonly number[] {
  const live = Array.from({ length: policy.target + 1 }, () => 0);
  for (const holders of chunks) if (holders[0] === node) live[holders.length] = (live[holders.length] ?? 0) + 1;
  return live;
}

function wholeBy(network: Network): boolean {
  const { nodes: many, own, blind, untold } = network;
  const isBlind = (a: number, b: number): boolean => blind.some(([one, other]) => one === a && other === b);
  const tally = createMembersTally(networkId);
  for (let teller = 0; teller < own; teller += 1) {
    const others = Array.from({ length: many }, (_, n) => n).filter((n) => n !== teller && !untold.includes(n));
    const next = others.map((n) => {
      const low = isBlind(teller, n) ? null : lowCopies({ live: livesAt(network, n) }, policy);
      return { peerId: idOf(`n${n}`), counted: low, takes: true };
    });
    tally.add({ peerId: idOf(`n${teller}`), networkId, members: { live: many, next } });
  }
  const nodes = Array.from({ length: own }, (_, n) => podNode(`n${n}`));
  const copiesOf = ({ name }: { readonly name: string }) => ({
    copies: { live: [...livesAt(network, Number(name.slice(1)))], partial: false },
  });
  const look = { nodes, counting: nodes, copiesOf, told: tally.told(), policy };
  const counter = createFarmCounter();
  counter.take(look, 0);
  return isWhole({ ...farmOf(nodes), ...counter.take(look, 60_000) }, goalWith(), 60_000);
}

test("a farm is whole only where every chunk of the network has its copies, and always where it has and everybody said so", () => {
  const seen = { whole: 0, lacking: 0 };
  fc.assert(
    fc.property(anyNetwork, (network) => {
      const isSo = network.chunks.every((holders) => holders.length >= Math.min(policy.target, network.nodes));
      const isSaid = network.blind.length === 0 && network.untold.length === 0;
      const whole = wholeBy(network);
      if (whole) assert.ok(isSo);
      if (isSaid) assert.equal(whole, isSo);
      seen[whole ? "whole" : "lacking"] += 1;
    }),
    { numRuns: 1_000 },
  );
  assert.ok(seen.whole > 100 && seen.lacking > 100, "both were tried");
});
