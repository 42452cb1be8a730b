// Proves the decisions by which vaults come to declare less: what counts as too large and what autogrow added does not, what is
// remembered, that room is made first and what is stored must fit. Method: one observed farm each, and what the plan makes of it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { FarmAction } from "./actions.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import { wantedCapacity } from "./node-roles.ts";
import type { ObservedNode } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, podNode, report, template } from "./plan-fixture.ts";
import { shrinkProblem } from "./shrink-room.ts";

const gib = 2 ** 30;
const half = gib / 2;
const names = ["a", "b", "c", "d", "e", "f"];
const large = { assigned: { specCapacity: gib } };
const small = { assigned: { specCapacity: half }, runsWith: { template, capacity: half }, report: { ...report, declared: half } };
const draining = { ...report, admin: "draining" as const };

/** Nodes of 1 GiB, with changes by name. */
function nodesOf(count: number, changes: Readonly<Record<string, Partial<ObservedNode>>> = {}): ObservedNode[] {
  return names.slice(0, count).map((name) => podNode(name, names.slice(0, count), { ...large, ...changes[name] }));
}
function plan(nodes: readonly ObservedNode[], goal: Parameters<typeof goalWith>[0] = {}): readonly FarmAction[] {
  return planFarm(goalWith({ vaultCapacity: half, ...goal }), farmOf(nodes), 10_000_000, modelDecides);
}
const kinds = (actions: readonly FarmAction[]): readonly string[] =>
  actions.map((action) => ("name" in action && action.name !== undefined ? `${action.kind} ${action.name}` : action.kind));

test("a smaller size: one node more is made whatever the farm's health; once all answer one of the largest is chosen, and no other is made meanwhile", () => {
  assert.deepEqual(kinds(plan(nodesOf(5))), ["create-node"]);
  assert.deepEqual(kinds(plan(nodesOf(5, { b: { hostState: "gone" } }))), ["create-node", "wait b"]);
  const [chosen] = plan(nodesOf(6, { f: small, c: { assigned: { specCapacity: 2 * gib } } }));
  assert.ok(chosen?.kind === "assign-node");
  assert.deepEqual([chosen.name, chosen.assigned], ["c", { leaving: "Shrink", specCapacity: 2 * gib }]);
  assert.equal(chosen.why, "5 nodes are to be rebuilt with vaults of 512Mi");
  const leaving = { assigned: { specCapacity: gib, leaving: "Shrink" as const }, report: draining };
  assert.deepEqual(kinds(plan(nodesOf(6, { f: small, a: leaving }))), ["prove-node a"]);
  assert.deepEqual(kinds(plan(nodesOf(6, { f: small, a: { ...leaving, assigned: { ...leaving.assigned, released: true } } }))), [
    "prove-node a",
  ]);
  const silent = plan(nodesOf(6, { f: { ...small, state: { kind: "starting", sinceMs: 0 } } }));
  assert.match(silent.find(({ kind }) => kind === "wait")?.why ?? "", /5 nodes are to be rebuilt .*, and f must be ready first/);
  assert.ok(!kinds(silent).some((kind) => kind.startsWith("assign-node") || kind === "create-node"));
});

test("all of the new size: the one more leaves no trace; the size of before wanted again: who leaves stays", () => {
  const all = Object.fromEntries(names.map((name) => [name, small]));
  assert.deepEqual(plan(nodesOf(5, all)), []);
  const leaving = { assigned: { specCapacity: gib, leaving: "Shrink" as const }, report: draining };
  const [back] = plan(nodesOf(5, { a: leaving }), { vaultCapacity: gib, nodes: 5 });
  assert.ok(back?.kind === "assign-node");
  assert.deepEqual([back.name, back.assigned], ["a", { specCapacity: gib }]);
});

test("what nodes declare is remembered once a smaller size is wanted, and raised with the farm's; it stays theirs when they start anew", () => {
  const unknown = Object.fromEntries(names.map((name) => [name, { assigned: {} }]));
  assert.deepEqual(plan(nodesOf(5, unknown), { vaultCapacity: gib }), [], "nothing is written while nothing shrinks");
  const remembered = plan(nodesOf(6, { ...unknown, f: small })).filter((action) => action.kind === "assign-node");
  assert.deepEqual(
    remembered.map(({ name, assigned }) => [name, assigned.specCapacity]),
    names.slice(0, 5).map((name) => [name, gib]),
  );
  const raised = plan(nodesOf(5), { vaultCapacity: 2 * gib }).filter((action) => action.kind === "assign-node");
  assert.deepEqual(
    raised.map(({ assigned }) => assigned.specCapacity),
    names.slice(0, 5).map(() => 2 * gib),
  );
  assert.equal(wantedCapacity(podNode("a", [], large), { vaultCapacity: half }), gib);
});

test("what autogrow added is not taken back by it, only with the size that a person lowered; who is to be rebuilt does not grow", () => {
  const autogrow = { whenUsedAbove: 80, step: 50, max: 4 * gib };
  const full = { ...report, declared: 1.5 * gib, used: 0.2 * gib };
  const grown = { assigned: { specCapacity: gib, capacity: 1.5 * gib }, runsWith: { template, capacity: 1.5 * gib }, report: full };
  const all = Object.fromEntries(names.map((name) => [name, { ...grown, volumeBytes: 9 * gib }]));
  assert.deepEqual(plan(nodesOf(5, all), { vaultCapacity: gib, autogrow }), []);
  const unknown = { ...grown, assigned: { capacity: 1.5 * gib }, volumeBytes: 9 * gib };
  assert.deepEqual(plan(nodesOf(5, Object.fromEntries(names.map((name) => [name, unknown]))), { autogrow }), []);
  assert.deepEqual(kinds(plan(nodesOf(5, all), { autogrow })), ["create-node"]);
  const filled = nodesOf(5, { a: { report: { ...report, used: 0.9 * gib } } });
  assert.deepEqual(kinds(plan(filled, { autogrow })), ["create-node"]);
});

test("what is stored has to fit the new total with what stays free: else nothing is made or taken away, and the figures are told", () => {
  const holding = (used: number): Readonly<Record<string, Partial<ObservedNode>>> =>
    Object.fromEntries(names.map((name) => [name, { report: { ...report, used } }]));
  const goal = goalWith({ vaultCapacity: half });
  const most = Math.floor(half * 0.95);
  assert.deepEqual(kinds(plan(nodesOf(5, holding(most)))), ["create-node"]);
  const told = plan(nodesOf(5, holding(0.6 * gib)));
  assert.deepEqual(told, [{ kind: "wait", why: shrinkProblem(goal, nodesOf(5, holding(0.6 * gib))) }]);
  assert.equal(
    told[0]?.why,
    "spec.vaultCapacity: vaults of 512Mi keep 2.4Gi, and 3Gi are stored: 640Mi are missing; set it to 650Mi or more, or spec.replicas to 7 or more",
  );
  const followed = { vaultCapacity: 650 * 2 ** 20 };
  assert.deepEqual(kinds(plan(nodesOf(5, holding(0.6 * gib)), followed)), ["create-node"], "who does as advised gets on");
  // One that is there already stays, and goes on once there is room.
  assert.deepEqual(kinds(plan(nodesOf(6, { ...holding(0.6 * gib), f: small }))), ["wait"]);
  const { report: _, ...mute } = podNode("b", names, large);
  const unknown = plan([...nodesOf(6, { f: small }).filter(({ name }) => name !== "b"), mute]);
  assert.ok(!kinds(unknown).some((kind) => kind.startsWith("assign-node")));
});

test("in a farm of fewer nodes than copies.target the node more holds what is not stored afterwards", () => {
  const holding = { report: { ...report, used: 0.45 * gib } };
  const nodes = nodesOf(5, Object.fromEntries(names.slice(0, 4).map((name) => [name, holding])));
  const one = { ...small, report: { ...report, declared: half, used: 0.45 * gib } };
  const [chosen] = plan([...nodes.slice(0, 4), podNode("e", names.slice(0, 5), one)], { nodes: 4 });
  assert.ok(chosen?.kind === "assign-node" && chosen.assigned.leaving === "Shrink");
});

test("nodes that a person holds apart are left as they are, and so is a farm of fewer nodes than copies.min", () => {
  const fenced = { desired: "Fenced" as const, report: { ...report, admin: "fenced" as const } };
  assert.deepEqual(plan(nodesOf(5, { b: small, c: small, d: small, e: small, a: fenced })), []);
  assert.deepEqual(plan(nodesOf(4), { nodes: 3 }), []);
});

test("surplus nodes: of those that are otherwise alike the larger leave first", () => {
  const [chosen] = plan(nodesOf(6, { a: small, b: small, c: small, d: small, f: small }), { nodes: 4, vaultCapacity: half });
  assert.ok(chosen?.kind === "assign-node" && chosen.name === "e");
});
