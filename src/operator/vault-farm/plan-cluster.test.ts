// Proves the single decisions of the plan in a cluster: whom it chooses, what it asks before a node is stopped or taken
// away, what it leaves alone and why. Method: one observed farm each, written out, and what the plan makes of it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { StopPair } from "../../protocol/stop-decision.ts";
import type { FarmAction } from "./actions.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import { type FillSample, fillPerHour } from "./fill-rate.ts";
import type { ObservedNode, StopEvidence } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { victimsInOrder } from "./plan-count.ts";
import { farmOf, goalWith, podNode, report, template } from "./plan-fixture.ts";
import { guardedPods } from "./plan-stop.ts";

const names = ["a", "b", "c", "d", "e", "f"];
const gib = 2 ** 30;
const nowMs = 10_000_000;

// Six nodes that are as wanted, with changes by name.
function six(changes: Readonly<Record<string, Partial<ObservedNode>>> = {}): ObservedNode[] {
  return names.map((name) => podNode(name, names, { zone: "abc"["adbecf".indexOf(name) >> 1] ?? "", ...changes[name] }));
}
const draining = { ...report, admin: "draining" as const };
const cordoned = { ...report, admin: "cordoned" as const };
const look = (takenAtMs: number): StopPair => ({ statement: Uint8Array.of(1), witness: Uint8Array.of(2), takenAtMs });
function proven(name: string, purpose: "restart" | "removal"): StopEvidence {
  return { purpose, among: names.filter((other) => other !== name), first: look(nowMs - 40_000), second: look(nowMs - 5000) };
}
type Planned = { readonly goal?: Parameters<typeof goalWith>[0]; readonly farm?: Parameters<typeof farmOf>[1] };
function plan(nodes: readonly ObservedNode[], { goal = {}, farm = {} }: Planned = {}): readonly FarmAction[] {
  return planFarm(goalWith({ nodes: 6, ...goal }), farmOf(nodes, { zones: ["a", "b", "c"], ...farm }), nowMs, modelDecides);
}
const kinds = (actions: readonly FarmAction[]): readonly string[] =>
  actions.map((action) => ("name" in action && action.name !== undefined ? `${action.kind} ${action.name}` : action.kind));
const whys = (actions: readonly FarmAction[]): string => actions.map(({ why }) => why).join("; ");

test("a farm that is as wanted is left alone; so is a paused one, and one that is not wholly known", () => {
  assert.deepEqual(plan(six()), []);
  const broken = six({ a: { state: { kind: "down", failures: 0, sinceMs: 0 } } });
  assert.deepEqual(plan(broken, { goal: { paused: true } }), []);
  assert.deepEqual(kinds(plan(broken, { goal: { nodes: 9 }, farm: { complete: false } })), ["wait"]);
});

test("more nodes are made whatever the farm's health, in the zones that have fewest", () => {
  const ill = six({ a: { state: { kind: "starting", sinceMs: 0 } }, b: { hostState: "gone" } });
  const made = plan(ill, { goal: { nodes: 9 }, farm: { zones: ["a", "b", "c"] } }).filter((action) => action.kind === "create-node");
  assert.deepEqual(
    made.map(({ zone }) => zone),
    ["a", "b", "c"],
  );
});

test("one surplus node is chosen to leave and told; raising the count takes it back", () => {
  const chosen = plan(six(), { goal: { nodes: 5 } });
  assert.deepEqual(kinds(chosen), ["assign-node a"]);
  const leaving = six({ a: { assigned: { leaving: "ScaleDown" } } });
  assert.deepEqual(kinds(plan(leaving, { goal: { nodes: 4 } })), ["command-node a", "wait a"], "only one at a time");
  const told = six({ a: { assigned: { leaving: "ScaleDown" }, report: draining } });
  assert.deepEqual(plan(told, { goal: { nodes: 6 } })[0], {
    kind: "assign-node",
    name: "a",
    assigned: {},
    why: "6 nodes are wanted again",
  });
});

test("victims: lost ones, ill ones, those that a person emptied or made by hand, of the fullest zone, of the lowest score, the youngest", () => {
  const nodes = [
    podNode("young", [], { zone: "a", createdMs: 9 }),
    podNode("old", [], { zone: "a", createdMs: 1 }),
    podNode("low", [], { zone: "a", report: { ...report, score: 0.2 } }),
    podNode("alone", [], { zone: "b", report: { ...report, score: 0.1 } }),
    podNode("hand", [], { zone: "b", byHand: true }),
    podNode("emptied", [], { zone: "c", handsOver: true }),
    podNode("ill", [], { zone: "b", state: { kind: "starting", sinceMs: 0 } }),
    podNode("lost", [], { zone: "c", state: { kind: "down", failures: 0, sinceMs: 0 }, awaySinceMs: 0 }),
    podNode("offline", [], { zone: "a", desired: "Offline" }),
  ];
  assert.deepEqual(
    victimsInOrder(nodes, goalWith(), nowMs).map(({ name }) => name),
    ["lost", "ill", "emptied", "hand", "low", "young", "old", "alone", "offline"],
  );
});

test("a node that a person had hand over stays and is left as it is, and no proof is built on it", () => {
  const emptied: Partial<ObservedNode> = { handsOver: true, report: draining };
  assert.deepEqual(plan(six({ b: emptied })), []);
  const leaving = six({ a: { assigned: { leaving: "ScaleDown" }, report: draining }, b: emptied });
  const [asked] = plan(leaving, { goal: { nodes: 5 } });
  assert.deepEqual(asked?.kind === "prove-node" && asked.among, ["c", "d", "e", "f"]);
  assert.deepEqual(kinds(plan(six({ b: emptied }), { goal: { nodes: 5 } })), ["assign-node b"], "it goes first");
  assert.deepEqual(kinds(plan(six({ a: { report: draining } }))), ["command-node a"], "one that nobody wants drained is told so");
});

test("fewer nodes than copies.min are refused: nothing leaves, and what was leaving stays", () => {
  assert.deepEqual(plan(six(), { goal: { nodes: 3 } }), []);
  const leaving = six({ a: { assigned: { leaving: "ScaleDown" }, report: draining } });
  assert.deepEqual(plan(leaving, { goal: { nodes: 3 } })[0]?.kind, "assign-node");
  assert.deepEqual(planFarm(goalWith({ nodes: 3 }), farmOf([]), nowMs), [], "and nothing new is begun");
});

test("a node goes by steps: told, proven twice half a minute apart, released, stopped, removed by the reclaim policy", () => {
  const leaving = { leaving: "ScaleDown" as const };
  const at = (fields: Partial<ObservedNode>): readonly FarmAction[] =>
    plan(six({ a: { assigned: leaving, report: draining, ...fields } }), { goal: { nodes: 5 } });
  const others = names.slice(1);
  assert.deepEqual(at({}), [{ kind: "prove-node", name: "a", purpose: "removal", among: others, keep: false, why: "it is one too many" }]);
  const young = at({ evidence: { purpose: "removal", among: others, first: look(nowMs - 10_000) } });
  assert.deepEqual([kinds(young), young[0]?.kind === "wait" && young[0].untilMs], [["wait a"], nowMs + 20_000]);
  const again = at({ evidence: { purpose: "removal", among: others, first: look(nowMs - 30_000) } })[0];
  assert.ok(again?.kind === "prove-node" && again.keep);
  assert.deepEqual(at({ evidence: proven("a", "removal") })[0], {
    kind: "assign-node",
    name: "a",
    assigned: { leaving: "ScaleDown", released: true },
    why: "its copies are proven to exist elsewhere, twice",
  });
  const released = { assigned: { ...leaving, released: true } };
  assert.deepEqual(kinds(at(released)), ["prove-node a"], "who knows of no proof gets one for its goodbye");
  assert.deepEqual(kinds(at({ ...released, evidence: proven("a", "removal") })), ["stop-node a"]);
  const unproven = { purpose: "removal" as const, among: others, problem: { why: "no second source answers" } };
  assert.deepEqual(kinds(at({ ...released, evidence: unproven })), ["stop-node a"], "it was released with proof");
  const down = { ...released, state: { kind: "down" as const, failures: 0, sinceMs: 0 } };
  const kept = at(down)[0];
  assert.ok(kept?.kind === "remove-node" && kept.volume === "keep");
  const dropped = plan(six({ a: down }), { goal: { nodes: 5, reclaimPolicy: "Delete" } })[0];
  assert.ok(dropped?.kind === "remove-node" && dropped.volume === "delete");
});

test("proofs are worth nothing for another purpose, among other nodes, once they are old, or when a node does not answer", () => {
  const leaving = { assigned: { leaving: "ScaleDown" as const }, report: draining };
  const outcome = (evidence: StopEvidence, changes: Parameters<typeof six>[0] = {}): readonly string[] =>
    kinds(plan(six({ a: { ...leaving, evidence }, ...changes }), { goal: { nodes: 5 } }));
  assert.deepEqual(outcome(proven("a", "restart")), ["prove-node a"]);
  assert.deepEqual(outcome({ ...proven("a", "removal"), among: ["b", "c", "d", "e"] }), ["prove-node a"]);
  const old = { ...proven("a", "removal"), first: look(nowMs - 200_000), second: look(nowMs - 100_000) };
  assert.deepEqual(outcome(old), ["prove-node a"]);
  const { report: _, ...silent } = podNode("b", names);
  assert.deepEqual(
    kinds(plan([podNode("a", names, { ...leaving, evidence: proven("a", "removal") }), silent, ...six().slice(2)], { goal: { nodes: 5 } })),
    ["wait a"],
  );
});

test("a released node is kept, and proven again, when another fails before it is gone", () => {
  const nodes = six({
    a: { assigned: { leaving: "ScaleDown", released: true }, report: draining },
    b: { state: { kind: "starting", sinceMs: 0 } },
  });
  const [kept] = plan(nodes, { goal: { nodes: 5 } }).filter((action) => action.kind === "assign-node");
  assert.deepEqual(kept?.assigned, { leaving: "ScaleDown" });
});

test("deleting a record, or wishing it drained, makes a new node first and then takes this one away", () => {
  for (const wish of [{ deleting: true }, { desired: "Drained" as const }])
    assert.deepEqual(kinds(plan(six({ c: wish }))), ["create-node", "command-node c", "wait c"]);
});

test("settings changed: one node at a time, zone by zone, is cordoned, proven, stopped; the next waits until it is back", () => {
  const changed = { goal: { template: "template-2" } };
  assert.deepEqual(kinds(plan(six(), changed)), ["command-node a", "wait a"]);
  assert.deepEqual(kinds(plan(six({ a: { report: cordoned } }), changed)), ["prove-node a"]);
  assert.deepEqual(kinds(plan(six({ a: { report: cordoned, evidence: proven("a", "restart") } }), changed)), ["stop-node a"]);
  const renewed = { template: "template-2", capacity: gib };
  const starting = six({ a: { runsWith: renewed, state: { kind: "starting", sinceMs: 0 } } });
  assert.match(whys(plan(starting, changed)), /a must be ready first: one node at a time/);
  const back = plan(six({ a: { runsWith: renewed, report: cordoned } }), changed);
  assert.deepEqual(kinds(back), ["command-node a", "command-node d", "wait d"], "zone a goes on");
});

test("settings changed: while nodes started anew report different versions nobody else is, and it is said which", () => {
  const changed = { goal: { template: "template-2" } };
  const renewed = (version: string): Partial<ObservedNode> => ({
    runsWith: { template: "template-2", capacity: gib },
    report: { ...report, version },
  });
  const differing = plan(
    six({ a: renewed("2.0.0"), d: renewed("1.9.0"), b: { report: cordoned, evidence: proven("b", "restart") } }),
    changed,
  );
  assert.ok(!kinds(differing).some((kind) => kind.startsWith("stop-node") || kind.startsWith("prove-node")));
  assert.match(whys(differing), /a reports version 2\.0\.0, d reports version 1\.9\.0.*the same image/);
  const alike = plan(six({ a: renewed("2.0.0"), d: renewed("2.0.0"), b: { report: cordoned, evidence: proven("b", "restart") } }), changed);
  assert.deepEqual(kinds(alike), ["stop-node b"]);
  // Those not started anew yet may run anything, and other reasons to stop a node do not ask.
  const old = plan(six({ a: { report: { ...cordoned, version: "1.0.0" } }, b: { report: { ...report, version: "1.1.0" } } }), changed);
  assert.deepEqual(kinds(old), ["prove-node a"]);
  const offline = six({ a: renewed("2.0.0"), d: renewed("1.9.0"), b: { desired: "Offline", report: cordoned } });
  assert.ok(kinds(plan(offline, changed)).includes("prove-node b"));
});

test("with exactly copies.min nodes one more is made before one is started anew, and leaves afterwards", () => {
  const four = six().slice(0, 4);
  const changed = plan(four, { goal: { nodes: 4, template: "template-2" } });
  assert.ok(kinds(changed).includes("create-node") && !kinds(changed).includes("stop-node a"));
  const five = six().slice(0, 5);
  assert.deepEqual(kinds(plan(five, { goal: { nodes: 4 } })), ["assign-node a"]);
});

test("a drained machine is left by new nodes first; no longer drained, its node stays", () => {
  const drained = plan(six({ b: { hostState: "leaving" } }));
  assert.deepEqual(kinds(drained), ["assign-node b", "create-node"]);
  const back = plan(six({ b: { assigned: { leaving: "HostDrain" }, report: draining } }));
  assert.deepEqual(kinds(back), ["assign-node b"]);
});

test("a lost node is replaced after its time, one of them, and let go once every chunk has its copies", () => {
  const away = { state: { kind: "stopping" as const, sinceMs: 0 }, hostState: "gone" as const };
  const gone = (name: string, sinceMs: number, fields: Partial<ObservedNode> = {}): ObservedNode => {
    const { report: _, ...rest } = podNode(name, names, { ...away, awaySinceMs: nowMs - sinceMs, ...fields });
    return rest;
  };
  assert.deepEqual(kinds(plan([gone("a", 60_000), ...six().slice(1)])), ["wait a"]);
  assert.deepEqual(kinds(plan([gone("a", 1_900_000), gone("b", 1_900_000), ...six().slice(2)])).slice(0, 2), [
    "assign-node a",
    "create-node",
  ]);
  const elsewhere = plan([gone("a", 1_900_000), ...six().slice(1)], { farm: { replacingElsewhere: ["shop/cellar", "shop/loft"] } });
  assert.deepEqual(kinds(elsewhere), ["wait a", "wait a"], "one in the whole cluster");
  assert.match(elsewhere.at(-1)?.why ?? "", /^it is lost, and replaced once shop\/cellar, shop\/loft replaced theirs/);
  const early = plan([gone("a", 60_000), ...six().slice(1)], { farm: { replacingElsewhere: ["shop/cellar"] } });
  assert.deepEqual(kinds(early), ["wait a"], "nobody waits for others before its time");
  const replaced = [gone("a", 1_900_000, { assigned: { leaving: "Replaced" } }), ...six().slice(1)];
  const missing = { copies: { belowMin: 0, lowest: 4, sinceMs: 0 } };
  assert.match(whys(plan(replaced, { farm: missing, goal: { nodes: 5 } })), /its copies are being made elsewhere/);
  const just = { copies: { belowMin: 0, lowest: 5, sinceMs: nowMs - 5000 } };
  assert.match(whys(plan(replaced, { farm: just, goal: { nodes: 5 } })), /its copies are being made elsewhere/);
  const let_go = plan(replaced, { goal: { nodes: 5 } }).find((action) => action.kind === "assign-node");
  assert.deepEqual(let_go?.assigned, { leaving: "Replaced", released: true });
  assert.equal(guardedPods(goalWith({ nodes: 5 }), farmOf(replaced), nowMs), 5, "an eviction has nothing to wait for on it");
});

test("a node that is about to be stopped is guarded while it is ready: the budget lets no other go in its place", () => {
  const guarded = (fields: Partial<ObservedNode>): number => guardedPods(goalWith({ nodes: 6 }), farmOf(six({ a: fields })), nowMs);
  const stopping = { kind: "stopping" as const, sinceMs: 0 };
  for (const leaving of [{ desired: "Offline" as const }, { assigned: { leaving: "ScaleDown" as const, released: true } }])
    assert.deepEqual([guarded(leaving), guarded({ ...leaving, state: stopping })], [6, 5], JSON.stringify(leaving));
  assert.equal(guarded({ state: stopping }), 6, "one that should run is missed");
});

test("a volume deleted by hand: a node that runs hands over first, one that does not is replaced; its volume is not touched", () => {
  const running = plan(six({ a: { volume: "terminating" } }));
  assert.deepEqual(kinds(running), ["assign-node a", "create-node"]);
  const { report: _, ...down } = podNode("a", names, { volume: "absent", state: { kind: "down", failures: 0, sinceMs: 0 } });
  assert.deepEqual(kinds(plan([down, ...six().slice(1)])), ["assign-node a", "create-node"]);
  const replaced = { ...down, assigned: { leaving: "Replaced" as const } };
  assert.deepEqual(kinds(plan([replaced, ...six().slice(1)], { goal: { nodes: 5 } })), ["assign-node a"]);
});

test("a claim of which nothing says that it is the node's is no lost volume: one that runs is left, one that does not waits", () => {
  assert.deepEqual(plan(six({ a: { volume: "foreign" } })), []);
  const { report: _, ...down } = podNode("a", names, { volume: "foreign", state: { kind: "down", failures: 0, sinceMs: 0 } });
  assert.deepEqual(kinds(plan([down, ...six().slice(1)])), ["wait a"]);
  const asked = plan([{ ...down, deleting: true }, ...six().slice(1)], { goal: { nodes: 5 } });
  assert.ok(!kinds(asked).includes("assign-node a"), "it is not let go as one that holds nothing");
});

test("another identity on a known volume is fenced, and nothing else is done with it", () => {
  const changed = six({ a: { formerPeerId: podNode("z").peerId ?? assert.fail() } });
  assert.deepEqual(plan(changed), [{ kind: "command-node", name: "a", state: "fenced", why: "it is to be fenced" }]);
});

test("another identity goes once a person let it go and the others have all copies; a fenced node waits to be let back", () => {
  const fenced = { report: { ...report, admin: "fenced" as const }, deleting: true };
  const other = six({ a: { ...fenced, formerPeerId: podNode("z").peerId ?? assert.fail() } });
  const goal = { nodes: 5 };
  const [let_go] = plan(other, { goal }).filter((action) => action.kind === "assign-node");
  assert.deepEqual(let_go?.assigned, { released: true });
  const short = { copies: { belowMin: 0, lowest: 4, sinceMs: 0 } };
  assert.match(whys(plan(other, { goal, farm: short })), /its copies are being made elsewhere/);
  const gone = other.map((node) => (node.name === "a" ? { ...node, assigned: { released: true } } : node));
  assert.deepEqual(kinds(plan(gone, { goal })), ["stop-node a"], "nobody could confirm a proof of what it holds");
  const drained = other.map((node) => (node.name === "a" ? { ...node, deleting: false, hostState: "leaving" as const } : node));
  assert.deepEqual(
    kinds(
      plan(
        drained.map((node) => (node.name === "a" ? { ...node, assigned: { leaving: "HostDrain" as const } } : node)),
        { goal },
      ),
    ),
    ["wait a"],
    "nobody looked at it yet",
  );
  assert.match(whys(plan(six({ a: { ...fenced, desired: "Fenced" } }), { goal })), /with spec.desired Active it hands over/);
});

test("vaults that fill up declare more after their volume has grown, up to the maximum", () => {
  const autogrow = { whenUsedAbove: 80, step: 50, max: 2 * gib };
  const full = { ...report, used: 0.9 * gib };
  const [grown] = plan(six({ a: { report: full } }), { goal: { autogrow } });
  assert.deepEqual(grown?.kind === "assign-node" && grown.assigned, { capacity: 1.5 * gib });
  const assigned = { capacity: 1.5 * gib };
  assert.deepEqual(kinds(plan(six({ a: { report: full, assigned } }), { goal: { autogrow } })), ["grow-volume a"]);
  const roomy = { report: full, assigned, volumeBytes: 4 * gib };
  assert.deepEqual(
    kinds(plan(six({ a: roomy }), { goal: { autogrow } })),
    ["command-node a", "wait a"],
    "it is started anew to declare it",
  );
  const atMost = {
    report: { ...full, declared: 2 * gib, used: 2 * gib },
    assigned: { capacity: 2 * gib },
    volumeBytes: 9 * gib,
    runsWith: { template, capacity: 2 * gib },
  };
  assert.deepEqual(plan(six({ a: atMost }), { goal: { autogrow } }), []);
  const filling = (fillPerHour: number): readonly FarmAction[] =>
    plan(six({ a: { report: { ...report, used: 0.5 * gib, fillPerHour } } }), { goal: { autogrow } });
  assert.deepEqual(filling(0.05 * gib), []);
  assert.match(whys(filling(0.1 * gib)), /^110 percent of it will be in use within 6 hours/);
});

test("how fast a node fills is the slope of what it told, once it told it for long enough", () => {
  const at = (minutes: number, used: number): FillSample => ({ atMs: minutes * 60_000, used });
  assert.equal(fillPerHour([at(0, 100), at(30, 150), at(60, 200)]), 100);
  assert.equal(fillPerHour([at(0, 100), at(60, 50)]), 0);
  assert.deepEqual([fillPerHour([]), fillPerHour([at(0, 1)]), fillPerHour([at(0, 1), at(5, 9)])], [undefined, undefined, undefined]);
});

test("who cannot be reached is told nothing: a node without an address, one whose machine is gone", () => {
  const starting = { state: { kind: "starting" as const, sinceMs: 0 }, granted: false, peersTold: [] };
  const silent = (name: string, fields: Partial<ObservedNode>): ObservedNode => {
    const { report: _, ...rest } = podNode(name, names, { ...starting, ...fields });
    return rest;
  };
  const [, , ...others] = six();
  const nodes = [silent("a", { addressed: false }), silent("b", { hostState: "gone" }), ...others];
  assert.deepEqual(kinds(plan(nodes)), ["wait a", "wait b"]);
});

test("hibernating stops all and takes nothing away; waking starts the same nodes", () => {
  const asleep = plan(six(), { goal: { nodes: 0, running: false } });
  assert.deepEqual(
    kinds(asleep),
    names.map((name) => `stop-node ${name}`),
  );
  const down = { state: { kind: "down" as const, failures: 0, sinceMs: 0 } };
  const woken = plan(six(Object.fromEntries(names.map((name) => [name, down]))));
  assert.deepEqual(
    kinds(woken),
    names.map((name) => `start-node ${name}`),
  );
});

test("hibernating with a claim that is being deleted: its node hands over first, nobody is made for it, then all stop", () => {
  const asleep = { goal: { nodes: 0, running: false } };
  const doomed = (fields: Partial<ObservedNode> = {}): ObservedNode[] => six({ a: { volume: "terminating", ...fields } });
  assert.deepEqual(kinds(plan(doomed(), asleep)), ["wait a", "assign-node a"]);
  assert.match(whys(plan(doomed(), asleep)), /^the farm is to stop, and its claim is being deleted: .* it hands over first/);
  const leaving = { assigned: { leaving: "Replaced" as const }, report: draining };
  assert.deepEqual(kinds(plan(doomed(leaving), asleep)), ["wait a", "prove-node a"]);
  const released = { ...leaving, assigned: { ...leaving.assigned, released: true }, evidence: proven("a", "removal") };
  assert.deepEqual(kinds(plan(doomed(released), asleep)), ["wait a", "stop-node a"]);
  assert.ok(kinds(plan(doomed(leaving).slice(0, 4), asleep)).includes("create-node"), "with fewer than copies.min left nothing is proven");
  const stopping = doomed({ state: { kind: "stopping", sinceMs: 0 } });
  assert.deepEqual(
    kinds(plan(stopping, asleep)),
    ["wait a", ...names.slice(1).map((name) => `stop-node ${name}`)],
    "nobody can hold one that stops",
  );
});

test("a released node whose claim is being deleted holds data like any other: it is kept when another fails", () => {
  const going = { volume: "terminating" as const, assigned: { leaving: "Replaced" as const, released: true }, report: draining };
  const nodes = six({ a: going, b: { state: { kind: "starting", sinceMs: 0 } } });
  const [kept] = plan(nodes, { goal: { nodes: 5 } }).filter((action) => action.kind === "assign-node");
  assert.deepEqual(kept?.assigned, { leaving: "Replaced" });
  assert.deepEqual(kinds(plan(six({ a: going }), { goal: { nodes: 5 } })), ["prove-node a"], "its goodbye is proven");
});

test("a node to be offline is cordoned and proven before it is stopped; then it stays down", () => {
  assert.deepEqual(kinds(plan(six({ a: { desired: "Offline" } }))), ["command-node a", "wait a"]);
  const proved = { desired: "Offline" as const, report: cordoned, evidence: proven("a", "restart") };
  assert.deepEqual(kinds(plan(six({ a: proved }))), ["stop-node a"]);
  const { report: _, ...off } = podNode("a", names, { desired: "Offline", state: { kind: "down", failures: 0, sinceMs: 0 } });
  assert.deepEqual(plan([off, ...six().slice(1)]), []);
});
