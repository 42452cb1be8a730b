// Proves what the plan makes of nodes that do not answer, or whose looks were not brought to an end: nothing that was not proven is
// stopped for an answer that was lost. Method: one observed farm each, written out, and what the plan makes of it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { StopPair } from "../../protocol/stop-decision.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import type { ObservedNode, StopEvidence, StopProblem } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, podNode, report } from "./plan-fixture.ts";

const names = ["a", "b", "c", "d", "e", "f"];
const among = names.slice(1);
const nowMs = 10_000_000;
const minutes = (count: number): number => nowMs - count * 60_000;
const draining = { ...report, admin: "draining" as const };

type Around = { readonly goal?: Parameters<typeof goalWith>[0]; readonly farm?: Parameters<typeof farmOf>[1] };

/** What is done to node a, five others being as wanted. */
function stepsOf(a: ObservedNode, { goal = {}, farm = {} }: Around = {}): readonly string[] {
  const nodes = [a, ...among.map((name) => podNode(name, names))];
  return planFarm(goalWith({ nodes: 6, ...goal }), farmOf(nodes, farm), nowMs, modelDecides).map(({ kind }) => kind);
}

/** Node a, which does not answer. */
function silent(fields: Partial<ObservedNode>): ObservedNode {
  const { report: _, ...rest } = podNode("a", names, fields);
  return rest;
}

const starting = (sinceMs: number) => ({ kind: "starting" as const, sinceMs });
const stops = (fields: Partial<ObservedNode>): boolean =>
  stepsOf(silent(fields), { goal: { template: "template-2" } }).includes("stop-node");

test("a node whose turn it is and that is ready is not stopped without a proof, however long we alone do not hear of it", () => {
  assert.equal(stops({ silentSinceMs: nowMs }), false, "one answer was lost");
  assert.equal(stops({ silentSinceMs: 0 }), false);
  assert.ok(!stepsOf(silent({ silentSinceMs: 0, desired: "Offline" })).includes("stop-node"));
});

test("one that is not ready has the time to open its store since it is not, and since it does not answer", () => {
  assert.equal(stops({ state: starting(minutes(29)), silentSinceMs: minutes(29) }), false);
  assert.equal(stops({ state: starting(minutes(31)), silentSinceMs: minutes(31) }), true);
  assert.equal(stops({ state: starting(minutes(31)), silentSinceMs: minutes(1) }), false, "it answered a minute ago");
  assert.equal(stops({ state: starting(minutes(31)) }), false, "nobody knows since when it is silent");
  assert.equal(stops({ state: starting(minutes(31)), silentSinceMs: minutes(31), hostState: "gone" }), false, "its machine is silent");
});

test("one of which nothing runs is started anew after five minutes", () => {
  assert.equal(stops({ state: starting(minutes(6)), silentSinceMs: minutes(6), runsNothing: true }), true);
  assert.equal(stops({ state: starting(minutes(4)), silentSinceMs: minutes(6), runsNothing: true }), false);
});

const going = { assigned: { leaving: "ScaleDown" as const, released: true } };
const leaver = { goal: { nodes: 5 } };
const asked = (fields: Partial<ObservedNode>): ObservedNode => podNode("a", names, { ...going, report: draining, ...fields });
const found = (problem: StopProblem): StopEvidence => ({ purpose: "removal", among, problem });
const missing = { why: "7 chunks would have too few copies", obstacle: "short" as const, short: 7 };

test("a released node that does not answer waits for its last look; what was said against it holds", () => {
  for (const fields of [{}, { state: starting(0) }, { hostState: "gone" as const }])
    assert.deepEqual(stepsOf(silent({ ...going, ...fields }), leaver), ["wait"], JSON.stringify(fields));
  assert.ok(stepsOf(silent({ ...going, evidence: found(missing) }), leaver).includes("assign-node"));
});

test("a released node whose last look was not brought to an end, or is of other nodes or of before, is looked at anew", () => {
  const look = (takenAtMs: number): StopPair => ({ statement: Uint8Array.of(1), witness: Uint8Array.of(2), takenAtMs });
  const sound = { purpose: "removal" as const, among, first: look(nowMs - 40_000), second: look(nowMs - 5000) };
  assert.deepEqual(stepsOf(asked({ evidence: sound }), leaver), ["stop-node"]);
  for (const evidence of [
    found({ why: "its statement is still being made", unfinished: true }),
    { ...sound, among: ["b", "c", "d", "e"] },
    { ...sound, second: look(nowMs - 100_000) },
    { ...sound, purpose: "restart" as const },
  ])
    assert.deepEqual(stepsOf(asked({ evidence }), leaver), ["prove-node"], JSON.stringify(evidence));
});

test("a released node is kept where it says itself that it may not go, and goes where nobody can say anything", () => {
  const fewer = { why: "3 nodes would be left", obstacle: "too-few-nodes" as const };
  for (const problem of [fewer, missing]) assert.deepEqual(stepsOf(asked({ evidence: found(problem) }), leaver), ["assign-node"]);
  assert.deepEqual(stepsOf(asked({ evidence: found({ why: "no second source answers" }) }), leaver), ["stop-node"]);
});

test("a released node that runs holds what it holds, though its claim is gone; one kept apart waits until all copies are elsewhere", () => {
  assert.deepEqual(stepsOf(asked({ volume: "absent" }), leaver), ["prove-node"]);
  const lacking = { copies: { belowMin: 0, lowest: 4, sinceMs: 0 } };
  assert.ok(!stepsOf(asked({ desired: "Fenced" }), { ...leaver, farm: lacking }).includes("stop-node"));
  assert.ok(stepsOf(asked({ desired: "Fenced" }), leaver).includes("stop-node"));
});
