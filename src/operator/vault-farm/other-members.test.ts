// Proves that a farm takes into its count what members of the network that are not its nodes count, and proves nothing by it while one
// of those has not counted or is not told of; and that a farm alone waits for nobody, also not for nodes that it had a moment ago.
// Method: what nodes tell of each other, made up, through the count to the plan.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { MemberSeen } from "../../protocol/node-status.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import { farmConditionsOf } from "./farm-conditions.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { countWithOthers, createMembersTally, createOwnPeers } from "./other-members.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, idOf, podNode } from "./plan-fixture.ts";
import { guardedPods } from "./plan-stop.ts";
import { isWhole } from "./wholeness.ts";

const networkId = "this one";
const names = ["a", "b", "c", "d", "e"];
const nowMs = 10_000_000;
const goal = goalWith({ nodes: 5 });
const good = { belowMin: 0, lowest: 5 };
const own = { belowMin: 0, lowest: 5, by: "a,b" };
const member = (name: string, counted: MemberSeen["counted"] = good, takes = true): MemberSeen => ({ peerId: idOf(name), counted, takes });

type Teller = { readonly name: string; readonly tells: readonly MemberSeen[]; readonly live?: number };

function toldBy(...tellers: readonly Teller[]) {
  const tally = createMembersTally(networkId);
  for (const { name, tells, live } of tellers)
    tally.add({ peerId: idOf(name), networkId, members: { live: live ?? tells.length + 1, next: tells } });
  return tally.told();
}
const peersOf = (nodes: readonly string[]): ReadonlySet<string> => new Set(nodes.map(idOf));
const farm: readonly Teller[] = [
  { name: "a", tells: [member("b")] },
  { name: "b", tells: [member("a")] },
];

test("what a node of another network tells of is no part of this one", () => {
  const tally = createMembersTally(networkId);
  tally.add({ peerId: idOf("a"), networkId, members: { live: 1, next: [] } });
  tally.add({ peerId: idOf("b"), networkId: "another", members: { live: 3, next: [member("x", null)] } });
  assert.deepEqual(countWithOthers(own, tally.told(), peersOf(["a", "b"])), { count: own });
});

test("a farm alone counts as before, whoever of its own is told of and whatever that one published", () => {
  const counts = countWithOthers(own, toldBy(...farm), peersOf(["a", "b"]));
  assert.deepEqual(counts, { count: own });
  const silent = toldBy({ name: "a", tells: [member("b", null)] });
  assert.deepEqual(countWithOthers(own, silent, peersOf(["a", "b"])), { count: own }, "those count by their own answers");
  const older = createMembersTally(networkId);
  older.add({ peerId: idOf("a"), networkId });
  assert.deepEqual(countWithOthers(own, older.told(), peersOf(["a", "b"])), { count: own }, "nodes of an older version tell of nobody");
  assert.deepEqual(countWithOthers(undefined, toldBy(...farm), peersOf(["a", "b"])), {});
});

test("what others count is in the sum, as the least hopeful of those who tell of them say", () => {
  const told = toldBy(
    { name: "a", tells: [member("b"), member("y", { belowMin: 2, lowest: 4 }), member("z", { belowMin: 1, lowest: 8 }, false)] },
    { name: "b", tells: [member("a"), member("y", { belowMin: 0, lowest: 3 }), member("z", { belowMin: 1, lowest: 8 }, false)] },
  );
  const { count, others } = countWithOthers({ belowMin: 1, lowest: 5, by: "a,b" }, told, peersOf(["a", "b"]));
  assert.deepEqual(count, { belowMin: 4, lowest: 3, by: "a,b,peer-y,peer-z" });
  assert.deepEqual(others, { live: 2, uncounted: 0, named: [], taking: 1 });
});

test("who has not counted for one who tells of it, or is told of as a number only, has not counted", () => {
  const told = toldBy(
    { name: "a", tells: [member("b"), member("y"), member("z")], live: 6 },
    { name: "b", tells: [member("a"), member("y", null), member("z")], live: 5 },
  );
  const { count, others } = countWithOthers(own, told, peersOf(["a", "b"]));
  assert.deepEqual(others, { live: 4, uncounted: 3, named: [idOf("y")], taking: 2 });
  assert.deepEqual(count, { ...own, by: "a,b,peer-z" }, "the rest is counted, and begins anew with one more that counts");
  assert.deepEqual(countWithOthers(undefined, told, peersOf(["a", "b"])).others, others, "they are known where the farm has not counted");
});

test("a node that the farm had a moment ago is no other member; one that lives on for minutes is", () => {
  const peers = createOwnPeers();
  peers.at([podNode("a"), podNode("b"), podNode("c", [], { formerPeerId: idOf("old") })], 0);
  assert.deepEqual([...peers.at([podNode("a")], 60_000)].sort(), peersOf(["a", "b", "c", "old"]).values().toArray().sort());
  assert.deepEqual(peers.at([podNode("a")], 121_000), peersOf(["a"]));
  const told = toldBy({ name: "a", tells: [member("b", null)] });
  assert.deepEqual(countWithOthers(own, told, peersOf(["a", "b"])), { count: own });
  assert.equal(countWithOthers(own, told, peersOf(["a"])).others?.uncounted, 1);
});

const gone = { hostState: "gone" as const, state: { kind: "stopping" as const, sinceMs: 0 }, awaySinceMs: 0 };

// Five nodes, the last one lost; beside them others as told.
function withOthers(others?: ObservedFarm["others"], copies: Partial<ObservedFarm["copies"]> = {}): ObservedFarm {
  const { report: _, ...lost } = podNode("e", names, { ...gone, assigned: { leaving: "Replaced" } });
  const nodes: readonly ObservedNode[] = [...names.slice(0, 4).map((name) => podNode(name, names)), lost];
  const count = { belowMin: 0, lowest: 5, sinceMs: 0, ...copies };
  return farmOf(nodes, { copies: count, ...(others === undefined ? {} : { others }) });
}
const released = (observed: ObservedFarm): boolean =>
  planFarm({ ...goal, nodes: 4 }, observed, nowMs, modelDecides).some(
    (action) => action.kind === "assign-node" && action.name === "e" && action.assigned.released === true,
  );

test("a lost node is given up, and the disruption budget opens, only by a count that all other members are part of", () => {
  const others = { live: 3, uncounted: 0, named: [], taking: 3 };
  const cases: readonly (readonly [string, ObservedFarm, boolean])[] = [
    ["alone", withOthers(), true],
    ["all have counted", withOthers(others), true],
    ["one has not", withOthers({ ...others, uncounted: 1 }), false],
    ["one counts too few", withOthers(others, { lowest: 4 }), false],
    ["as many as nodes that take any", withOthers({ ...others, taking: 0 }, { lowest: 4 }), true],
    ["one is left that takes more", withOthers({ ...others, taking: 1 }, { lowest: 4 }), false],
  ];
  for (const [what, observed, whole] of cases) {
    assert.equal(isWhole(observed, goal, nowMs), whole, what);
    assert.equal(released(observed), whole, what);
    assert.equal(guardedPods(goal, observed, nowMs), whole ? 4 : 5, what);
  }
});

test("people are told who has not counted", () => {
  const others = { live: 5, uncounted: 4, named: ["x", "y", "z"], taking: 5 };
  const waits = (observed: ObservedFarm): string | undefined =>
    planFarm({ ...goal, nodes: 4 }, observed, nowMs, modelDecides).find(({ why }) => why.startsWith("it is lost"))?.why;
  const why =
    "5 nodes of the network are not this farm's, and 4 of them have not counted (x, y, z and 1 more): a chunk is counted by one node, so what " +
    "only those count may lack copies, and no lost node is given up; a node that starts counts within minutes, one of an older version has " +
    "to be renewed or leave";
  assert.equal(waits(withOthers(others)), `it is lost; ${why}`);
  const images = { runs: { image: "one", behaviourVersion: 1 }, offered: "one" };
  const parts = { goal, actions: [], gateways: { ready: 0, wanted: 0, outdated: 0 }, selector: "", zoneKey: "", images, nowMs };
  const shown = farmConditionsOf({ ...parts, observed: withOthers(others) }).find(({ type }) => type === "DataAtRisk");
  assert.deepEqual([shown?.status, shown?.reason], ["Unknown", "OthersUncounted"]);
  assert.equal(shown?.message, `Every chunk that is counted has 4 copies or more, but ${why}.`);
  const counted = withOthers({ live: 1, uncounted: 0, named: [], taking: 1 }, { lowest: 3 });
  assert.equal(waits(counted), "it is lost; its copies are being made elsewhere (1 of the nodes that count them is not this farm's)");
});
