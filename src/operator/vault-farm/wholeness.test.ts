// Proves what the count of the living cannot prove: where silent nodes could hold all copies of a chunk, none of them is given up,
// whoever counts what; what a person can do about it is said, and once he did it the plan goes on. Method: one observed farm each.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { FarmAction } from "./actions.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import { farmConditionsOf } from "./farm-conditions.ts";
import type { ObservedNode } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, podNode, report } from "./plan-fixture.ts";
import { guardedPods } from "./plan-stop.ts";
import { isWhole } from "./wholeness.ts";

const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const nowMs = 10_000_000;
const goal = goalWith({ nodes: 9 });
const down = { kind: "down" as const, failures: 0, sinceMs: 0 };

function silent(name: string, fields: Partial<ObservedNode> = {}): ObservedNode {
  const { report: _, ...rest } = podNode(name, names, {
    hostState: "gone",
    state: { kind: "stopping", sinceMs: 0 },
    awaySinceMs: 0,
    ...fields,
  });
  return rest;
}
// Nine nodes, those of `changed` in the place of ordinary ones.
const nine = (...changed: readonly ObservedNode[]): ObservedNode[] =>
  names.map((name) => changed.find((node) => node.name === name) ?? podNode(name, names));
const plan = (nodes: readonly ObservedNode[], replicas = 5): readonly FarmAction[] =>
  planFarm(goalWith({ nodes: replicas }), farmOf(nodes), nowMs, modelDecides);
const released = (actions: readonly FarmAction[]): readonly string[] =>
  actions.flatMap((action) => (action.kind === "assign-node" && action.assigned.released === true ? [action.name] : []));
const replaced = { assigned: { leaving: "Replaced" as const } };

test("a lost node goes by the count of the living only while fewer than copies.min nodes with volumes are silent", () => {
  const three = nine(silent("a", replaced), silent("b"), silent("c"));
  assert.deepEqual(released(plan(three, 8)), ["a"]);
  const four = nine(silent("a", replaced), silent("b"), silent("c"), silent("d"));
  assert.deepEqual(released(plan(four, 8)), []);
  const why = plan(four, 8).find((action) => action.kind === "wait" && action.why.startsWith("it is lost"))?.why;
  assert.equal(
    why,
    "it is lost; 4 nodes with volumes are silent (a, b, c, d): copies.min is 4, so chunks that only they hold are counted by nobody, " +
      "and none of them is given up; bring 1 of the silent back; only where their volumes are lost for good, delete their claims",
  );
  assert.equal(guardedPods(goal, farmOf(four), nowMs), 9, "and nobody else may be evicted");
});

test("where both that count a chunk may be silent, a count is believed once their copies would have been made again", () => {
  const cases: readonly (readonly [readonly string[], number, boolean])[] = [
    [[], 29_999, false],
    [["a"], 30_000, true],
    [["a", "b"], 30_000, false],
    [["a", "b"], goal.repairDelayMs + 29_999, false],
    [["a", "b"], goal.repairDelayMs + 30_000, true],
  ];
  for (const [missing, stoodMs, whole] of cases) {
    const nodes = nine(...missing.map((name) => silent(name)));
    const copies = { belowMin: 0, lowest: 5, sinceMs: nowMs - stoodMs };
    assert.equal(isWhole(farmOf(nodes, { copies }), goal, nowMs), whole, `${missing.join()} ${stoodMs}`);
    const gone = nine(...missing.map((name) => silent(name, { volume: "absent", state: down, hostState: "fine" })));
    assert.equal(isWhole(farmOf(gone, { copies }), goal, nowMs), whole, `without volumes: ${missing.join()} ${stoodMs}`);
  }
});

test("a farm whose copies nobody can count is not said to have enough of them", () => {
  const observed = farmOf(nine(silent("a"), silent("b"), silent("c"), silent("d")));
  const images = { runs: { image: "one", behaviourVersion: 1 }, offered: "one" };
  const seen = { goal, observed, actions: [], gateways: { ready: 0, wanted: 0, outdated: 0 }, selector: "", zoneKey: "", images, nowMs };
  const shown = farmConditionsOf(seen).find(({ type }) => type === "DataAtRisk");
  assert.deepEqual([shown?.status, shown?.reason], ["Unknown", "HoldersSilent"]);
});

test("it counts as silent whoever has a volume and does not serve, for whatever reason; a released one was proven", () => {
  const others: readonly Partial<ObservedNode>[] = [
    { desired: "Fenced" },
    { desired: "Offline", state: down, hostState: "fine" },
    { volume: "terminating" },
    { volume: "foreign", state: down, hostState: "fine" },
    { state: { kind: "starting", sinceMs: 0 }, hostState: "fine" },
    { volume: "absent", state: down, hostState: "fine" },
  ];
  for (const fields of others) {
    const nodes = nine(silent("a"), silent("b"), silent("c"), silent("d", fields));
    assert.equal(isWhole(farmOf(nodes), goal, nowMs), false, JSON.stringify(fields));
    const gone = nodes.map((node) => (node.name === "d" ? { ...node, assigned: { released: true } } : node));
    assert.equal(isWhole(farmOf(gone), goal, nowMs), true, JSON.stringify(fields));
  }
  const { peerId: _, ...fresh } = silent("d", { volume: "unbound", state: down });
  assert.equal(isWhole(farmOf(nine(silent("a"), silent("b"), silent("c"), fresh)), goal, nowMs), true, "one that never ran holds nothing");
});

test("volumes that a person gave up hold nothing any more: once none is silent, they go one by one", () => {
  const gone = { ...replaced, volume: "absent" as const, state: down, hostState: "fine" as const };
  const some = nine(silent("a", gone), silent("b", gone), silent("c"), silent("d"));
  assert.deepEqual(released(plan(some, 8)), []);
  assert.match(
    plan(some, 8).at(-1)?.why ?? "",
    /2 nodes with volumes are silent \(c, d\) and the volumes of 2 are gone \(a, b\): .*bring 1 of/,
  );
  const all = nine(...["a", "b", "c", "d"].map((name) => silent(name, gone)));
  assert.deepEqual(released(plan(all, 8)), ["a"]);
});

test("a lost node that was released is not removed once others fell silent", () => {
  const lost = silent("a", { assigned: { leaving: "Replaced", released: true } });
  assert.ok(plan(nine(lost)).some(({ kind }) => kind === "remove-node"));
  const off = { desired: "Offline" as const, state: down, hostState: "fine" as const };
  const others = nine(lost, ...["b", "c", "d", "e"].map((name) => silent(name, off)));
  assert.ok(!plan(others).some(({ kind }) => kind === "remove-node"));
  assert.match(plan(others).at(-1)?.why ?? "", /^it is lost; 4 nodes with volumes are silent/);
});

test("fewer than copies.min that are left never have all copies: then a second lost node is replaced beside the first", () => {
  const lost = [silent("a", replaced), ...["b", "c", "d", "e", "f"].map((name) => silent(name))];
  const chosen = plan(nine(...lost), 8).flatMap((action) => (action.kind === "assign-node" ? [action.name] : []));
  assert.deepEqual(chosen, ["b"]);
  assert.deepEqual(
    plan(nine(...lost.slice(0, 5)), 8).filter(({ kind }) => kind === "assign-node"),
    [],
  );
});

test("a node that says goodbye is kept when its new proof finds copies missing", () => {
  const problem = { why: "7 chunks would have too few copies", obstacle: "short" as const, short: 7 };
  const evidence = { purpose: "removal" as const, among: names.slice(1), problem };
  const leaving = {
    assigned: { leaving: "ScaleDown" as const, released: true },
    report: { ...report, admin: "draining" as const },
    evidence,
  };
  const [kept] = plan(nine(podNode("a", names, leaving)), 8).filter((action) => action.kind === "assign-node");
  assert.deepEqual(kept?.assigned, { leaving: "ScaleDown" });
  assert.equal(kept?.why, "7 chunks would have too few copies, so it is kept");
});

test("a farm is whole only where the count is of enough nodes, of everybody, of every copy, and has stood: nothing of it may be missing", () => {
  const leaving = { assigned: { leaving: "ScaleDown" as const } };
  const staying = (many: number): ObservedNode[] => nine(...names.slice(many).map((name) => podNode(name, names, leaving)));
  const copies = { belowMin: 0, lowest: 5, sinceMs: 0 };
  const others = { live: 2, uncounted: 0, named: [], taking: 0 };
  const cases: readonly (readonly [string, boolean, ObservedNode[], Parameters<typeof farmOf>[1]])[] = [
    ["all is there", true, nine(), { copies }],
    ["nobody counted", false, nine(), { copies: undefined as never }],
    ["a chunk has fewer than copies.min", false, nine(), { copies: { ...copies, belowMin: 1 } }],
    ["a chunk has one copy less than nodes could hold", false, nine(), { copies: { ...copies, lowest: 4 } }],
    ["more copies than nodes that stay are not to be had", true, staying(4), { copies: { ...copies, lowest: 4 } }],
    ["unless others in the network take some", false, staying(4), { copies: { ...copies, lowest: 4 }, others: { ...others, taking: 1 } }],
    ["fewer nodes than copies.min stay", false, staying(3), { copies }],
    ["one that does not answer is none of them", false, [silent("a"), ...staying(4).slice(1)], { copies }],
    ["members of the network that count, too", true, nine(), { copies, others }],
    ["one of them has not", false, nine(), { copies, others: { ...others, uncounted: 1 } }],
    ["the count is young", false, nine(), { copies: { ...copies, sinceMs: nowMs - 29_999 } }],
  ];
  for (const [what, whole, nodes, change] of cases) assert.equal(isWhole(farmOf(nodes, change), goal, nowMs), whole, what);
});
