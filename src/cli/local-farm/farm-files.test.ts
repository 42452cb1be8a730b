// Proves that what a local farm writes down comes back as it was, that what an earlier version wrote is still read, and that damage is
// either named with its file or counts as nothing, as each file says. Method: real files of a farm that was stopped; a property for the state.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import fc from "fast-check";
import { until } from "../../../test/support/deadline.ts";
import { leavingReasons } from "../../operator/api/vault-node.ts";
import { systemClock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { FarmError, type FarmErrorCode } from "./farm-error.ts";
import { fiveNodes, placeOf, stoppedFarm } from "./farm-fixture.ts";
import { type FarmFolder, farmFolder } from "./farm-folder.ts";
import { makeFarmKeys, readFarmKeys } from "./farm-keys.ts";
import { type FarmState, type NodePlace, readFarmState, staysHere, writeFarmState } from "./farm-state.ts";
import { findFarm } from "./find-farm.ts";
import { createPlanWriter, leavingSteps, readLeavingSteps } from "./leaving-plan.ts";
import { awaitLeftOvers, readRunningMembers, writeRunningMembers } from "./run-file.ts";

const work = mkdtempSync(join(tmpdir(), "farm-files-"));
after(() => rmSync(work, { recursive: true, force: true }));
let folder: FarmFolder;
beforeEach(async () => {
  folder = await stoppedFarm(work);
});
const dataDir = join(work, ".vaultfarm");
const isFarmError =
  (code: FarmErrorCode, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof FarmError && error.code === code && words.test(error.message);

const assigned = fc.record({ leaving: fc.constantFrom(...leavingReasons), released: fc.boolean() }, { requiredKeys: [] });
const node = fc
  .record(
    { zone: fc.string({ maxLength: 20 }), granted: fc.boolean(), drainedByPlan: fc.boolean(), assigned },
    { requiredKeys: ["zone", "granted"] },
  )
  .map((change): NodePlace => ({ ...placeOf("x", 1), ...change }));
const states: fc.Arbitrary<FarmState> = fc
  .record(
    {
      nodes: fc.array(node, { maxLength: 4 }),
      manifestNodes: fc.nat(1000),
      taken: fc.array(
        fc.record({ name: fc.constantFrom("attic-p", "attic-q"), volume: fc.constantFrom("keep" as const, "delete" as const) }),
      ),
    },
    { requiredKeys: ["nodes"] },
  )
  .map((change) => ({ ...fiveNodes, manifestNodes: 5, ...change }));

test("a state comes back as it was written", async () => {
  await fc.assert(
    fc.asyncProperty(states, async (state) => {
      await writeFarmState(folder, state);
      assert.deepEqual(await readFarmState(folder), structuredClone(state));
    }),
    { numRuns: 40 },
  );
});

test("a state of an earlier version, which knew no decisions, is read: all its nodes stay", async () => {
  const { manifestNodes: _, ...earlier } = fiveNodes;
  await writeFarmState(folder, earlier);
  const read = (await readFarmState(folder)) ?? assert.fail();
  assert.deepEqual([read.nodes.every(staysHere), read.manifestNodes, read.taken], [true, undefined, undefined]);
});

test("a state that is damaged, of another format or nonsense is named, and never taken for a new farm", async () => {
  const text = readFileSync(folder.state, "utf8");
  const damaged = [
    "",
    "{",
    "[]",
    text.slice(0, -20),
    text.replace('"format": 1', '"format": 2'),
    text.replace('"granted": true', '"granted": "yes"'),
  ];
  for (const wrong of [...damaged, text.replace("20001", "99999"), text.replace("attic-a", "../etc")]) {
    writeFileSync(folder.state, wrong);
    await assert.rejects(readFarmState(folder), isFarmError("broken-data", /farm\.json cannot be used/), wrong.slice(0, 40));
  }
  rmSync(folder.state);
  assert.equal(await readFarmState(folder), undefined);
});

test("keys are made once, for their owner alone, and kept; a damaged one is named and not replaced", async () => {
  const world = { clock: systemClock, random: seededRandom(7) };
  const before = readFileSync(folder.adminKey, "utf8");
  await makeFarmKeys(folder, { name: "attic", copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 24 }, world);
  assert.equal(readFileSync(folder.adminKey, "utf8"), before);
  for (const key of [folder.ownerKey, folder.adminKey, folder.networkKey]) assert.equal(statSync(key).mode & 0o777, 0o600, key);
  for (const wrong of ["", "zz", before.slice(2), `${before.trim()}00`]) {
    writeFileSync(folder.adminKey, wrong);
    await assert.rejects(readFarmKeys(folder), isFarmError("broken-data", /admin\.key does not hold a key of 64 hexadecimal digits/));
  }
  writeFileSync(folder.adminKey, before);
  writeFileSync(folder.genesis, readFileSync(folder.genesis).subarray(0, -1));
  await assert.rejects(readFarmKeys(folder), isFarmError("broken-data", /genesis is not a genesis record/));
});

test("the only farm is meant where none is named; else the right one, by a name that exists", async () => {
  assert.equal((await findFarm(dataDir)).state.name, "attic");
  mkdirSync(join(dataDir, "no-farm"));
  assert.equal((await findFarm(dataDir)).state.name, "attic", "a folder without a state is none");
  const second = farmFolder(dataDir, "cellar");
  mkdirSync(second.root);
  await writeFarmState(second, { ...fiveNodes, name: "cellar" });
  await assert.rejects(findFarm(dataDir), isFarmError("which-farm", /attic, cellar; choose one with -n NAME/));
  assert.equal((await findFarm(dataDir, "cellar")).state.name, "cellar");
  await assert.rejects(findFarm(dataDir, "loft"), isFarmError("no-farm", /no farm "loft" in .*; there are attic, cellar$/));
  await assert.rejects(findFarm(join(work, "elsewhere")), isFarmError("no-farm", /make one with: vaultfarm up/));
});

test("of a plan only what is done about nodes that leave is shown; where the farm does not run, that it goes on once it does", async () => {
  const nodes = fiveNodes.nodes.map((one, i): NodePlace => (i === 0 ? { ...one, assigned: { leaving: "ScaleDown" } } : one));
  const state = { ...fiveNodes, nodes };
  const actions = [
    { kind: "wait", name: "attic-b", why: "it is not ready yet" },
    { kind: "wait", name: "attic-a", why: "half a minute" },
    { kind: "command-node", name: "attic-a", state: "draining", why: "it is one too many" },
  ] as const;
  const steps = leavingSteps(actions, state);
  assert.deepEqual(
    steps.map(({ action, node: name, waiting }) => [action, name, waiting]),
    [
      ["command-node", "attic-a", false],
      ["wait", "attic-a", true],
    ],
  );
  await createPlanWriter(folder)(actions, state);
  assert.deepEqual(await readLeavingSteps(folder, state, true), steps);
  const [resting] = await readLeavingSteps(folder, state, false);
  assert.match(resting?.why ?? "", /goes on once the farm runs/);
  for (const wrong of ["", "{}", '[{"node": 1}]']) {
    writeFileSync(folder.plan, wrong);
    assert.deepEqual(await readLeavingSteps(folder, state, true), [], "a plan that cannot be read says nothing");
  }
});

test("members left behind count only while the very process lives, are waited for, and ended past their grace", async (context) => {
  const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: "ignore" });
  context.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid ?? assert.fail();
  await writeRunningMembers(folder.run, [{ name: "attic-a", pid }]);
  assert.deepEqual(
    (await readRunningMembers(folder.run)).map(({ name }) => name),
    ["attic-a"],
  );
  const text = readFileSync(folder.run, "utf8");
  writeFileSync(folder.run, text.replace(/"startTime":"[^"]*"/, '"startTime":"1"'));
  assert.deepEqual(await readRunningMembers(folder.run), [], "the id was used again");
  for (const wrong of ["", "{", '[{"pid": 0}]']) {
    writeFileSync(folder.run, wrong);
    assert.deepEqual(await readRunningMembers(folder.run), []);
  }
  writeFileSync(folder.run, text);
  await awaitLeftOvers(await readRunningMembers(folder.run), systemClock, 0);
  await until("it has ended", () => child.signalCode === "SIGKILL");
});
