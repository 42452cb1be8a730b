// Proves that the plan brings any farm to what is wanted and then rests: a model of processes carries the actions out,
// with starts, grants and commands that may fail, from arbitrary beginnings; plus single decisions written out.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type FarmAction, type FarmGoal, farmIsReady, type MemberState, type ObservedFarm, type ObservedNode, planFarm } from "./plan.ts";
import { restartDelayMs } from "./restart-delay.ts";

const goal: FarmGoal = { nodes: 8, gateways: 2, running: true, restart: true };
const idOf = (name: string): PeerId => `peer-${name}` as PeerId;
const ready: MemberState = { kind: "ready", sinceMs: 0 };
const node = (name: string, fields: Partial<ObservedNode> = {}): ObservedNode => ({
  name,
  state: ready,
  addressed: true,
  granted: true,
  peersTold: [],
  peerId: idOf(name),
  ...fields,
});
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
        nodes: [...farm.nodes, { name: `n${farm.nodes.length}`, state: fresh, addressed: true, granted: false, peersTold: [] }],
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
    case "wait":
      return farm;
  }
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
  .tuple(fc.array(fc.tuple(anyState, fc.boolean(), fc.boolean()), { maxLength: 12 }), fc.array(anyState, { maxLength: 4 }))
  .map(([nodes, gateways]) => ({
    nodes: nodes.map(([state, granted, known], i) => {
      const { peerId, ...rest } = node(`n${i}`, { state, granted });
      return known || state.kind === "ready" ? { ...rest, peerId: idOf(`n${i}`) } : rest;
    }),
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
  const farmWith = (failures: number): ObservedFarm => ({
    nodes: [node("a", { state: { kind: "down", failures, sinceMs: 1000 } })],
    gateways: [],
  });
  const one = { ...goal, nodes: 1, gateways: 0 };
  assert.deepEqual(planFarm(one, farmWith(1), 1000), [{ kind: "start-node", name: "a", why: "it ended" }]);
  assert.deepEqual(planFarm(one, farmWith(3), 1000), [{ kind: "wait", name: "a", untilMs: 21_000, why: "it ended 3 times in a row" }]);
  assert.equal(planFarm(one, farmWith(3), 21_000)[0]?.kind, "start-node");
});

test("without restart a dead node stays dead, and one that never ran is still started", () => {
  const quiet = { ...goal, nodes: 2, gateways: 0, restart: false };
  const dead = node("a", { state: { kind: "down", failures: 1, sinceMs: 0 } });
  const fresh = node("b", { state: { kind: "down", failures: 0, sinceMs: 0 } });
  const actions = planFarm(quiet, { nodes: [dead, fresh], gateways: [] }, 1e9);
  assert.deepEqual(
    actions.map(({ kind }) => kind),
    ["start-node"],
  );
});

test("a node is granted as soon as it is known, and told of at most eight others, never of itself", () => {
  const nodes = Array.from({ length: 12 }, (_, i) => node(`n${i}`, { granted: i !== 5 }));
  const actions = planFarm({ ...goal, nodes: 12, gateways: 0 }, { nodes, gateways: [] }, 0);
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
