// Proves that of farms looked at side by side one takes the turn to begin with a lost node, that it has it until the caches can show what
// was sent, and that nobody waits for a look that began nothing. Method: looks of two farms, interleaved; the real plan.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { farmOf, goalWith, podNode } from "../vault-farm/plan-fixture.ts";
import { createReplacingTurns, planInTurn, type ReplacingTurns } from "./replacing-turn.ts";

const [attic, barn] = ["one/attic", "two/barn"] as const;

type World = { readonly clock: VirtualClock; readonly turns: ReplacingTurns; readonly idle: Set<string> };

function createWorld(): World {
  const [clock, idle] = [createVirtualClock(), new Set<string>()];
  return { clock, idle, turns: createReplacingTurns({ watched: { isWorkedOn: (farm) => !idle.has(farm) }, clock }) };
}

test("of two looks side by side one takes the turn, and the other hears whose it is", () => {
  const { turns } = createWorld();
  const [first, second] = [turns.ofLook(attic), turns.ofLook(barn)];
  assert.deepEqual([first.take(), second.take()], [undefined, attic]);
});

test("a look that sent nothing gives the turn back as it ends, and one that the server forbade at once", () => {
  const { turns } = createWorld();
  const first = turns.ofLook(attic);
  first.take();
  first.end();
  const second = turns.ofLook(barn);
  assert.equal(second.take(), undefined);
  second.keep();
  second.giveBack();
  assert.equal(turns.ofLook(attic).take(), undefined);
});

test("what was sent keeps the turn over later looks that are cut short, and for a minute at most", async () => {
  const { turns, clock } = createWorld();
  const first = turns.ofLook(attic);
  first.take();
  first.keep();
  first.end();
  turns.ofLook(attic).end();
  await clock.advance(59_000);
  assert.equal(turns.ofLook(barn).take(), attic);
  await clock.advance(2000);
  assert.equal(turns.ofLook(barn).take(), undefined);
});

test("a look that began before another farm took the turn does not take it, though that one has it no more", () => {
  const { turns } = createWorld();
  const [early, other] = [turns.ofLook(attic), turns.ofLook(barn)];
  other.take();
  other.giveBack();
  assert.equal(early.take(), barn, "what it saw of that farm is older");
  assert.equal(turns.ofLook(attic).take(), undefined);
});

test("nobody waits for a farm where nothing ends", () => {
  const { turns, idle } = createWorld();
  turns.ofLook(attic).take();
  idle.add(attic);
  assert.equal(turns.ofLook(barn).take(), undefined);
});

test("the plan of who does not have the turn waits and says for whom; whoever has nothing to begin gives it back", () => {
  const { turns } = createWorld();
  const [goal, nowMs, names] = [goalWith(), 10_000_000, ["a", "b", "c", "d", "e"]];
  const whole = names.map((name) => podNode(name, names));
  const lost = farmOf([
    podNode("a", names, { state: { kind: "stopping", sinceMs: 0 }, hostState: "gone", awaySinceMs: 0 }),
    ...whole.slice(1),
  ]);
  const begun = planInTurn(goal, lost, nowMs, turns.ofLook(attic));
  const waits = planInTurn(goal, lost, nowMs, turns.ofLook(barn));
  const assigned = ({ actions }: typeof begun): number => actions.filter(({ kind }) => kind === "assign-node").length;
  assert.deepEqual([assigned(begun), assigned(waits)], [1, 0]);
  assert.deepEqual(waits.observed.replacingElsewhere, [attic]);
  assert.match(waits.actions.map(({ why }) => why).join(), /replaced once one\/attic replaced theirs/);
  planInTurn(goal, farmOf(whole), nowMs, turns.ofLook(attic));
  assert.equal(assigned(planInTurn(goal, lost, nowMs, turns.ofLook(barn))), 1);
});
