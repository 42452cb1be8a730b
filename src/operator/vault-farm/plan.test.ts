// Proves that the plan brings any farm to what is wanted and then rests: a model of processes carries the actions out,
// with starts, grants and commands that may fail, from arbitrary beginnings; plus single decisions written out.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import type { MemberState, ObservedFarm, ObservedNode } from "./observed.ts";
import { farmIsReady, planFarm } from "./plan.ts";
import { farmOf, goalWith, idOf, node, ready } from "./plan-fixture.ts";
import { restartDelayMs } from "./restart-delay.ts";

const goal: FarmGoal = goalWith({ nodes: 8, gateways: 2 });
const working = (actions: readonly FarmAction[]): readonly FarmAction[] => actions.filter(({ kind }) => kind !== "wait");

// One action carried out on the model; `works` says whether a command or start succeeds this time.
function carryOut(farm: ObservedFarm, action: FarmAction, works: boolean): ObservedFarm {
  const set = (change: Partial<ObservedNode>): ObservedFarm => ({
    ...farm,
    nodes: farm.nodes.map((one) => ("name" in action && one.name === action.name ? { ...one, ...change } : one)),
  });
  const setGateway = (state: MemberState): ObservedFarm => ({
    ...farm,
    gateways: farm.gateways.map((one) => ("name" in action && one.name === action.name ? { ...one, state } : one)),
  });
  const fresh: MemberState = { kind: "down", failures: 0, sinceMs: 0 };
  const started: MemberState = works ? ready : { kind: "down", failures: 1, sinceMs: 0 };
  switch (action.kind) {
    case "create-node":
      return {
        ...farm,
        nodes: [...farm.nodes, stranger(`n${farm.nodes.length}`, { state: fresh, granted: false })],
      };
    case "create-gateway":
      return { ...farm, gateways: [...farm.gateways, { name: `g${farm.gateways.length}`, state: fresh }] };
    case "start-node":
      return set({ state: started, ...(works ? { peerId: idOf(action.name) } : {}) });
    case "start-gateway":
      return setGateway(started);
    case "grant-node":
      return works ? set({ granted: true }) : farm;
    case "tell-peers":
      return works ? set({ peersTold: action.peers }) : farm;
    case "stop-node":
      return set({ state: fresh });
    case "stop-gateway":
      return setGateway(fresh);
    case "remove-gateway":
      return { ...farm, gateways: farm.gateways.filter(({ name }) => name !== action.name) };
    case "found-network":
      return works ? { ...farm, founded: true } : farm;
    default:
      assert.equal(action.kind, "wait", "a farm whose nodes say nothing is only added to");
      return farm;
  }
}

// A node that never ran.
function stranger(name: string, fields: Partial<ObservedNode>): ObservedNode {
  const { peerId: _, ...rest } = node(name, fields);
  return rest;
}

function settle(wanted: FarmGoal, begin: ObservedFarm, luck: readonly boolean[]): { farm: ObservedFarm; rounds: number } {
  let farm = begin;
  let draws = 0;
  for (let rounds = 0; rounds < 60; rounds += 1) {
    // Every round an hour later, so that no back-off outlasts it.
    const actions = working(planFarm(wanted, farm, rounds * 3_600_000));
    if (actions.length === 0) return { farm, rounds };
    for (const action of actions) farm = carryOut(farm, action, luck[draws++] ?? true);
  }
  return { farm, rounds: 60 };
}

const anyState: fc.Arbitrary<MemberState> = fc.oneof(
  fc.record({ kind: fc.constant("down" as const), failures: fc.nat(9), sinceMs: fc.constant(0) }),
  fc.constant(ready),
);
const anyFarm: fc.Arbitrary<ObservedFarm> = fc
  .tuple(fc.array(fc.tuple(anyState, fc.boolean(), fc.boolean()), { maxLength: 8 }), fc.array(anyState, { maxLength: 4 }))
  .map(([nodes, gateways]) => ({
    ...farmOf(
      nodes.map(([state, granted, known], i) =>
        known || state.kind === "ready" ? node(`n${i}`, { state, granted }) : stranger(`n${i}`, { state, granted }),
      ),
    ),
    founded: false,
    gateways: gateways.map((state, i) => ({ name: `g${i}`, state })),
  }));

test("from any beginning, with any luck for a while, the farm becomes ready and the plan rests", () => {
  fc.assert(
    fc.property(anyFarm, fc.array(fc.boolean(), { maxLength: 40 }), (begin, luck) => {
      const { farm, rounds } = settle(goal, begin, luck);
      assert.ok(rounds < 60 && farmIsReady(goal, farm));
      assert.equal(planFarm(goal, farm, 0).length, 0, "in the steady state nothing is done and nothing waited for");
      assert.equal(farm.gateways.length, goal.gateways, "surplus gateways are stopped and removed");
      assert.ok(farm.nodes.length >= begin.nodes.length, "no node is ever dropped: it holds data");
    }),
  );
});

test("from any beginning a farm that is to stop stops, gateways before nodes, and nothing is started", () => {
  fc.assert(
    fc.property(anyFarm, (begin) => {
      const first = working(planFarm({ ...goal, running: false }, begin, 0));
      assert.ok(first.every(({ kind }) => kind === "stop-gateway") || first.every(({ kind }) => kind === "stop-node"));
      const { farm } = settle({ ...goal, running: false }, begin, []);
      assert.ok([...farm.nodes, ...farm.gateways].every(({ state }) => state.kind === "down"));
    }),
  );
});

test("a node that died is started at once, then after ever longer waits, and each action says why", () => {
  const farmWith = (failures: number): ObservedFarm => farmOf([node("a", { state: { kind: "down", failures, sinceMs: 1000 } })]);
  const one = goalWith({ nodes: 1, copies: { min: 1, target: 1, max: 1 } });
  assert.deepEqual(planFarm(one, farmWith(1), 1000), [{ kind: "start-node", name: "a", why: "it ended" }]);
  assert.deepEqual(planFarm(one, farmWith(3), 1000), [{ kind: "wait", name: "a", untilMs: 21_000, why: "it ended 3 times in a row" }]);
  assert.equal(planFarm(one, farmWith(3), 21_000)[0]?.kind, "start-node");
});

test("without restart a dead node stays dead, and one that never ran is still started", () => {
  const quiet = goalWith({ nodes: 2, restart: false, copies: { min: 1, target: 2, max: 2 } });
  const dead = node("a", { state: { kind: "down", failures: 1, sinceMs: 0 } });
  const fresh = node("b", { state: { kind: "down", failures: 0, sinceMs: 0 } });
  const actions = planFarm(quiet, farmOf([dead, fresh]), 1e9);
  assert.deepEqual(
    actions.map(({ kind }) => kind),
    ["start-node"],
  );
});

test("a node is granted as soon as it is known, and told of at most eight others, never of itself", () => {
  const nodes = Array.from({ length: 12 }, (_, i) => node(`n${i}`, { granted: i !== 5 }));
  const actions = planFarm(goalWith({ nodes: 12 }), farmOf(nodes), 0);
  assert.deepEqual(
    actions.filter(({ kind }) => kind === "grant-node").map((action) => "name" in action && action.name),
    ["n5"],
  );
  const told = actions.filter((action) => action.kind === "tell-peers");
  assert.equal(told.length, 12);
  assert.ok(told.every(({ name, peers }) => peers.length === 8 && !peers.includes(name)));
});

test("delays double up to five minutes", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 7, 100].map(restartDelayMs), [0, 0, 10_000, 20_000, 40_000, 300_000, 300_000]);
});
