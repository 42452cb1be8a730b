// Proves that a local farm carries out a removal so that it can be cut short anywhere: decisions and the loss of a node are on disk before a
// folder is touched, a folder is put aside or deleted as said, a node that goes for good is handed what was proven first.
// Method: a farm's folder with real files, members that never run, a commander that writes down what it is told.
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { vaultFarmSpecSchema } from "../../operator/api/vault-farm.ts";
import type { CommandOutcome } from "../../operator/node-access/node-commander.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { systemClock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createFarmBook, type FarmBook } from "./farm-book.ts";
import { fiveNodes, stoppedFarm } from "./farm-fixture.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { readFarmKeys } from "./farm-keys.ts";
import { type FarmState, readFarmState, writeFarmState } from "./farm-state.ts";
import { carryOut, type LocalHands } from "./local-hands.ts";
import { createLocalMembers, type LocalMembers } from "./local-members.ts";

const work = mkdtempSync(join(tmpdir(), "hands-"));
after(() => rmSync(work, { recursive: true, force: true }));
let folder: FarmFolder;
const state: FarmState = { ...fiveNodes, nodes: fiveNodes.nodes.slice(0, 2) };
const why = "the test says so";

type Run = {
  readonly hands: LocalHands;
  readonly book: FarmBook;
  readonly members: LocalMembers;
  readonly told: string[];
  readonly news: string[];
};

async function begin(from: FarmState, left: CommandOutcome = { ok: true }, answer: CommandOutcome = { ok: true }): Promise<Run> {
  const world = { clock: systemClock, random: seededRandom(1) };
  const spec = vaultFarmSpecSchema.parse({ replicas: 5, vaultCapacity: "16Mi" });
  const [told, news]: [string[], string[]] = [[], []];
  const parts = {
    ...{ folder, spec, keys: await readFarmKeys(folder), baseEnv: {}, ...world, onChange: () => {} },
    onNews: (sentence: string) => news.push(sentence),
  };
  const book = createFarmBook(from);
  const members = createLocalMembers(parts, book);
  const say = async (what: string): Promise<CommandOutcome> => {
    told.push(what);
    return answer;
  };
  const commander = {
    grant: () => say("grant"),
    tellPeers: () => say("peers"),
    setDesired: (_: unknown, desired: string) => say(desired),
    leave: async (_: unknown, pair: { readonly statement: Uint8Array }) => {
      await say(`leave ${pair.statement[0]}`);
      return left;
    },
    safeToStop: async () => ({ kind: "failed" as const, why: "not today" }),
    witnessStop: async () => ({ kind: "failed" as const, why: "not today" }),
  };
  return { hands: { parts, book, members, commander }, book, members, told, news };
}

const dataOf = (name: string): string => folder.member("node", name).data;
const storedFile = (name: string): string => join(dataOf(name), "chunk");
const run = async ({ hands, members }: Run, action: FarmAction): Promise<void> => {
  await carryOut([action], hands);
  await members.record();
};

beforeEach(async () => {
  folder = await stoppedFarm(work, state);
  for (const { name } of state.nodes) {
    mkdirSync(dataOf(name), { recursive: true });
    writeFileSync(storedFile(name), "bytes");
    writeFileSync(folder.member("node", name).log, "words");
  }
});

test("what was decided of a node is on disk, and who was told to drain by the plan", async () => {
  const farm = await begin(state);
  await run(farm, { kind: "assign-node", name: "attic-b", assigned: { leaving: "ScaleDown" }, why });
  const kept = (await readFarmState(folder))?.nodes[1];
  assert.deepEqual([kept?.assigned, kept?.drainedByPlan], [{ leaving: "ScaleDown" }, true]);
  await run(farm, { kind: "assign-node", name: "attic-b", assigned: {}, why });
  const back = (await readFarmState(folder))?.nodes[1];
  assert.deepEqual([back?.assigned, back?.drainedByPlan], [{}, true], "until it takes part again");
  assert.equal((await readFarmState(folder))?.manifestNodes, 5);
});

test("a removed node is none of the farm, and its folder is put aside or deleted as said", async () => {
  for (const [volume, name, kept] of [
    ["keep", "attic-b", true],
    ["delete", "attic-a", false],
  ] as const) {
    const farm = await begin((await readFarmState(folder)) ?? state);
    await run(farm, { kind: "remove-node", name, volume, why });
    const left = (await readFarmState(folder)) ?? assert.fail();
    assert.ok(left.nodes.every((node) => node.name !== name));
    assert.deepEqual([left.taken, existsSync(dataOf(name))], [[], false]);
    assert.equal(existsSync(join(folder.kept, name, "chunk")), kept);
    assert.equal(existsSync(folder.member("node", name).log), kept, "its log goes with what it tells of");
    assert.match(farm.news[0] ?? "", kept ? /is kept in .*kept$/ : /is deleted$/);
  }
});

test("cut short after the node was struck off, its folder is cleared by whoever goes on", async () => {
  await writeFarmState(folder, { ...state, nodes: state.nodes.slice(0, 1), taken: [{ name: "attic-b", volume: "keep" }] });
  const farm = await begin((await readFarmState(folder)) ?? assert.fail());
  await carryOut([], farm.hands);
  await farm.members.record();
  assert.ok(existsSync(join(folder.kept, "attic-b", "chunk")));
  assert.deepEqual((await readFarmState(folder))?.taken, []);
  assert.equal(existsSync(storedFile("attic-a")), true, "the others' folders are not touched");
});

test("a removal that cannot be written down touches no folder, at once or later, until it is on disk", async () => {
  const farm = await begin(state);
  rmSync(folder.state);
  mkdirSync(join(folder.state, "where the file would be"), { recursive: true });
  await assert.rejects(run(farm, { kind: "remove-node", name: "attic-b", volume: "delete", why }));
  await assert.rejects(carryOut([], farm.hands));
  assert.ok(existsSync(storedFile("attic-b")));
  rmSync(folder.state, { recursive: true });
  await carryOut([], farm.hands);
  assert.deepEqual([existsSync(dataOf("attic-b")), (await readFarmState(folder))?.nodes.length], [false, 1]);
});

test("a folder that cannot be cleared is told once, stays in the book, and is tried again", async () => {
  writeFileSync(folder.kept, "a file where the folder would be");
  const farm = await begin(state);
  await run(farm, { kind: "remove-node", name: "attic-b", volume: "keep", why });
  await carryOut([], farm.hands);
  assert.equal(farm.news.filter((sentence) => sentence.includes("cannot be cleared")).length, 1);
  assert.deepEqual(farm.book.state().taken, [{ name: "attic-b", volume: "keep" }]);
  assert.ok(existsSync(storedFile("attic-b")));
  rmSync(folder.kept);
  await carryOut([], farm.hands);
  assert.ok(existsSync(join(folder.kept, "attic-b", "chunk")));
});

test("one that goes for good is handed the later proof before it is stopped; one that is only stopped is not", async () => {
  const pair = (first: number) => ({ statement: Uint8Array.of(first), witness: Uint8Array.of(9), takenAtMs: first });
  const evidence = { purpose: "removal", among: [], first: pair(1), second: pair(2) } as const;
  const farm = await begin({ ...state, nodes: state.nodes.map((node, i) => (i === 1 ? { ...node, assigned: { released: true } } : node)) });
  farm.members.setEvidence("attic-a", evidence);
  farm.members.setEvidence("attic-b", evidence);
  await run(farm, { kind: "stop-node", name: "attic-a", why });
  assert.deepEqual(farm.told, []);
  await run(farm, { kind: "stop-node", name: "attic-b", why });
  assert.deepEqual(farm.told, ["leave 2"]);
});

test("one that refuses to go with what was proven runs on, and it is proven anew; one that does not answer is stopped", async () => {
  const pair = { statement: Uint8Array.of(1), witness: Uint8Array.of(9), takenAtMs: 1 };
  const evidence = { purpose: "removal", among: ["attic-a"], first: pair } as const;
  const begun = { ...state, nodes: state.nodes.map((node, i) => (i === 1 ? { ...node, assigned: { released: true } } : node)) };
  for (const [reason, stops] of [
    ["refused", false],
    ["no-answer", true],
  ] as const) {
    const farm = await begin(begun, { ok: false, why: "of another start", reason });
    const stopped: string[] = [];
    const members = { ...farm.members, stop: (name: string): void => void stopped.push(name) };
    farm.members.setEvidence("attic-b", evidence);
    await carryOut([{ kind: "stop-node", name: "attic-b", why }], { ...farm.hands, members });
    assert.deepEqual(stopped, stops ? ["attic-b"] : [], reason);
    assert.equal(farm.members.evidence("attic-b")?.problem?.unfinished, stops ? undefined : true);
  }
});

test("a look that fails is remembered as such, and never as a proof", async () => {
  const farm = await begin(state);
  await run(farm, { kind: "prove-node", name: "attic-b", purpose: "removal", among: ["attic-a"], keep: true, why });
  assert.deepEqual(farm.members.evidence("attic-b"), {
    ...{ purpose: "removal", among: ["attic-a"] },
    problem: { why: "it makes no statement: not today" },
  });
});

test("a node counts as granted only once it took the grant, and a command to one that never ran is not sent", async () => {
  const [first, second] = state.nodes;
  assert.ok(first?.peerId !== undefined && second !== undefined);
  const { peerId, ...unknown } = first;
  const grant: FarmAction = { kind: "grant-node", name: first.name, peerId, why };
  const asked = { ...state, nodes: [{ ...first, granted: false }, second] };
  for (const [answer, granted] of [
    [{ ok: true }, true],
    [{ ok: false, why: "no answer", reason: "no-answer" }, false],
    [{ ok: false, why: "not for me", reason: "refused" }, false],
  ] as const) {
    const farm = await begin(asked, { ok: true }, answer);
    await run(farm, grant);
    assert.deepEqual([farm.told, farm.book.node(first.name)?.granted], [["grant"], granted]);
  }
  const farm = await begin({ ...state, nodes: [unknown, second] });
  await run(farm, { kind: "command-node", name: first.name, state: "draining", why });
  assert.deepEqual(farm.told, []);
});
