// Proves what the plan must never do and what it must reach, over random histories: machines that drain, or die and come back, many
// at once, answers that are lost, processes that open their store for long, volumes that are deleted, counts, settings, sizes of vaults and wishes that change, and hands that fail or are cut off at
// any action. After each of our steps no chunk is below min by it, no last copy is taken away though no living node knows of it, and
// one node is taken away at a time; once nothing happens any more the farm becomes what is wanted, and then nothing is written.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { desiredNodeStates } from "../api/vault-node.ts";
import { ClusterModel, modelDecides } from "./cluster-model-fixture.ts";
import type { FarmGoal } from "./goal.ts";
import { planFarm } from "./plan.ts";
import { goalWith } from "./plan-fixture.ts";

type Event =
  | { readonly kind: "scale"; readonly nodes: number }
  | { readonly kind: "template" | "grow" | "shrink" | "nothing" | "hibernate" }
  | {
      readonly kind: "end-pod" | "drain-host" | "host-fine" | "lose-host" | "host-back" | "delete-volume" | "delete-record";
      readonly at: number;
    }
  | { readonly kind: "lose-hosts" | "lose-answers"; readonly at: number; readonly many: number }
  | { readonly kind: "open-slowly"; readonly at: number; readonly seconds: number }
  | { readonly kind: "wish"; readonly at: number; readonly state: (typeof desiredNodeStates)[number] };

/** One round: what happens, after how many actions our hands are cut off (or none), and how much time passes. */
type Round = { readonly event: Event; readonly cutAfter: number | undefined; readonly seconds: number };

const at = fc.nat(15);
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Event>({ kind: "nothing" }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("scale" as const), nodes: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("template" as const, "hibernate" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("grow" as const, "shrink" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("end-pod" as const, "drain-host" as const, "host-fine" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("lose-host" as const, "host-back" as const), at }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose-hosts" as const), at, many: fc.integer({ min: 2, max: 6 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("lose-answers" as const), at, many: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("open-slowly" as const), at, seconds: fc.constantFrom(20, 600, 1700) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("delete-volume" as const, "delete-record" as const), at }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wish" as const), at, state: fc.constantFrom(...desiredNodeStates) }) },
);
const anyRound: fc.Arbitrary<Round> = fc.record({
  event: anyEvent,
  cutAfter: fc.option(fc.nat(6), { nil: undefined, freq: 4 }),
  // Now and then as long as it takes until the dead are given up.
  seconds: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(5, 20, 40) }, { weight: 2, arbitrary: fc.constant(1900) }),
});

// All chunks on every node would still fit.
const anyEnd = fc.constantFrom(2 ** 28, 2 ** 29, 2 ** 30, 2 ** 31);

function happen(world: ClusterModel, event: Event): void {
  if (event.kind === "scale") world.goal = { ...world.goal, nodes: event.nodes, running: true };
  if (event.kind === "hibernate") world.goal = { ...world.goal, running: false };
  if (event.kind === "template") world.goal = { ...world.goal, template: `${world.goal.template}+` };
  if (event.kind === "grow") world.goal = { ...world.goal, vaultCapacity: world.goal.vaultCapacity * 2 };
  if (event.kind === "shrink") world.goal = { ...world.goal, vaultCapacity: Math.max(2 ** 26, world.goal.vaultCapacity / 2) };
  const node = "at" in event ? world.nodes[event.at % Math.max(1, world.nodes.length)] : undefined;
  if (node === undefined) return;
  if (event.kind === "end-pod" && node.hostState !== "gone" && node.state.kind !== "down")
    node.state = { kind: "stopping", sinceMs: world.nowMs };
  if (event.kind === "drain-host" && node.hostState === "fine") node.hostState = "leaving";
  if (event.kind === "host-fine" && node.hostState === "leaving") node.hostState = "fine";
  // Any number of machines dies at once. A volume is only deleted while all others are there: nobody can bring back what was on two.
  const whole = world.nodes.every(({ hostState, volume }) => hostState !== "gone" && volume !== "absent");
  const lose = (one = node): void => {
    one.hostState = "gone";
  };
  if (event.kind === "lose-host") lose();
  if (event.kind === "lose-hosts") for (let i = 0; i < event.many; i += 1) lose(world.nodes[(event.at + i) % world.nodes.length]);
  // Of that many nodes, at that many looks.
  if (event.kind === "lose-answers")
    for (let i = 0; i < event.many; i += 1) {
      const one = world.nodes[(event.at + i) % world.nodes.length];
      if (one !== undefined) one.lostAnswers = event.many;
    }
  if (event.kind === "open-slowly" && node.state.kind === "ready" && node.hostState !== "gone") world.open(node, event.seconds * 1000);
  if (event.kind === "host-back" && node.hostState === "gone") node.hostState = "fine";
  if (event.kind === "delete-volume" && whole && node.volume === "bound") {
    if (node.state.kind === "down") world.loseVolume(node);
    else node.volume = "terminating";
  }
  if (event.kind === "delete-record") node.deleting = true;
  if (event.kind === "wish") node.desired = event.state;
}

function turn(world: ClusterModel, cutAfter?: number): number {
  const actions = planFarm(world.goal, world.observe(), world.nowMs, modelDecides);
  const stops = actions.filter((action) => action.kind === "stop-node" || action.kind === "remove-node");
  if (world.goal.running) assert.ok(stops.length <= 1, `one at a time: ${JSON.stringify(stops)}`);
  for (const action of actions.slice(0, cutAfter)) world.act(action);
  assert.deepEqual(world.missing(), [], "nothing that was stored is missing everywhere");
  if (cutAfter !== undefined) world.crash();
  return actions.filter(({ kind }) => kind !== "wait").length;
}

function settle(world: ClusterModel, rounds: number): boolean {
  for (let round = 0; round < rounds; round += 1) {
    world.pass(31_000);
    const before = world.writes;
    if (turn(world) === 0 && world.writes === before && isAsWanted(world)) return true;
  }
  return false;
}

function isAsWanted({ nodes, goal }: ClusterModel): boolean {
  const isWanted = ({ state, runsWith }: ClusterModel["nodes"][number]): boolean =>
    state.kind === "ready" && runsWith?.template === goal.template && runsWith.capacity === goal.vaultCapacity;
  return nodes.length === goal.nodes && nodes.every(isWanted);
}

const goal: FarmGoal = goalWith({ nodes: 6 });

function newWorld(): ClusterModel {
  const world = new ClusterModel(goal, 12);
  assert.ok(settle(world, 20), "a new farm becomes ready");
  return world;
}

test("whatever happens, no step of ours takes a chunk below min, and calm farms become what is wanted and rest", () => {
  fc.assert(
    fc.property(fc.array(anyRound, { maxLength: 40 }), fc.integer({ min: 4, max: 9 }), anyEnd, (rounds, last, vaultCapacity) => {
      const world = newWorld();
      for (const { event, cutAfter, seconds } of rounds) {
        happen(world, event);
        turn(world, cutAfter);
        world.pass(seconds * 1000);
      }
      // Long enough that whoever is dead is given up, as far as it may be.
      for (let round = 0; round < 80; round += 1) {
        world.pass(31_000);
        turn(world);
      }
      for (const node of world.nodes) {
        node.desired = "Active";
        if (node.hostState === "leaving") node.hostState = "fine";
      }
      // The last of the dead stay dead, as far as what they hold is elsewhere.
      const going = world.nodes.filter(({ volume }) => volume === "absent" || volume === "terminating").length;
      const kept = world.silent().filter(({ volume }) => volume === "bound");
      for (const node of kept.slice(Math.max(0, goal.copies.min - 1 - going))) if (node.hostState === "gone") node.hostState = "fine";
      world.goal = { ...world.goal, nodes: last, vaultCapacity, running: true };
      assert.ok(settle(world, 500), JSON.stringify(planFarm(world.goal, world.observe(), world.nowMs, modelDecides)));
      const written = world.writes;
      for (let round = 0; round < 20; round += 1) {
        world.pass(60_000);
        turn(world);
      }
      assert.equal(world.writes, written, "at rest nothing is written");
    }),
    { numRuns: 300 },
  );
});

test("vaults made smaller in a calm farm: as many nodes as wanted are ready at every step, each was rebuilt once, none is left large", () => {
  for (const nodes of [4, 6]) {
    const world = new ClusterModel({ ...goal, nodes }, 12);
    assert.ok(settle(world, 30), "a new farm becomes ready");
    const before = new Set(world.nodes.map(({ name }) => name));
    world.goal = { ...world.goal, vaultCapacity: 2 ** 28 };
    let most = 0;
    for (let round = 0; round < 300 && !(isAsWanted(world) && world.nodes.length === nodes); round += 1) {
      turn(world);
      const ready = world.serving().filter(({ assigned }) => assigned.released !== true).length;
      assert.ok(ready >= nodes, `${ready} of ${nodes} are ready`);
      most = Math.max(most, world.nodes.length);
      world.pass(10_000);
    }
    assert.ok(isAsWanted(world));
    assert.equal(most, nodes + 1, "one more than wanted at a time");
    assert.deepEqual(
      world.nodes.filter(({ name }) => before.has(name)),
      [],
    );
  }
});

test("vaults made smaller and large again before the end: the one that leaves stays, small ones grow where they are", () => {
  const world = newWorld();
  const small = 2 ** 28;
  world.goal = { ...world.goal, vaultCapacity: small };
  const isHalfway = (): boolean =>
    world.nodes.filter(({ runsWith }) => runsWith?.capacity === small).length === 2 &&
    world.nodes.some(({ assigned }) => assigned.leaving === "Shrink");
  for (let round = 0; round < 200 && !isHalfway(); round += 1) {
    world.pass(10_000);
    turn(world);
  }
  const halfway = world.nodes.map(({ name }) => name);
  const leaver = world.nodes.find(({ assigned }) => assigned.leaving === "Shrink")?.name;
  assert.ok(leaver !== undefined);
  world.goal = { ...world.goal, vaultCapacity: goal.vaultCapacity };
  turn(world);
  assert.equal(world.nodes.find(({ name }) => name === leaver)?.assigned.leaving, undefined);
  assert.ok(settle(world, 200));
  const now = world.nodes.map(({ name }) => name);
  assert.ok(
    now.every((name) => halfway.includes(name)),
    "nobody was made anew",
  );
  assert.ok(now.includes(leaver));
});

test("vaults that would not hold what is stored are made by nobody: nothing is made or taken away until the number is raised", () => {
  const world = newWorld();
  world.goal = { ...world.goal, vaultCapacity: 2 ** 26 };
  for (let round = 0; round < 20; round += 1) {
    world.pass(31_000);
    turn(world);
  }
  const names = world.nodes.map(({ name }) => name);
  assert.equal(names.length, goal.nodes);
  const [told] = planFarm(world.goal, world.observe(), world.nowMs, modelDecides);
  assert.match(told?.why ?? "", /^spec\.vaultCapacity: vaults of 64Mi keep 360Mi, and \d+Mi are stored: \d+Mi are missing; set it to/);
  world.goal = { ...world.goal, vaultCapacity: goal.vaultCapacity };
  assert.ok(settle(world, 20));
  assert.deepEqual(
    world.nodes.map(({ name }) => name),
    names,
  );
});
