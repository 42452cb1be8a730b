// Proves on a real farm, by the real commands, that a node drains until nothing depends on it: interrupted and taken up
// again, cancelled, then to the end; killed afterwards it is missed by nobody; that one leaves for good where that was asked for;
// that a farm with too few nodes keeps its own; that only a node which shows why it may go is believed when it says goodbye for good;
// and that it is believed also where most nodes of the network take no commands from whoever lets it go.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type { DrainFarm, DrainNode } from "../../src/cli/local-farm/drain-farm.ts";
import { watchDrain } from "../../src/cli/local-farm/drain-watch.ts";
import { type AskedNode, takeStopLook } from "../../src/operator/node-access/stop-look.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import { checkStatement, type StopPair, type WitnessCandidate, witnessFor } from "../../src/protocol/stop-decision.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type CommandResult, startCommand } from "../support/command.ts";
import { until } from "../support/deadline.ts";
import { type Farm, killNode, startFarm } from "../support/farm.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const content = noise(20 * 2 ** 20 + 5, 11);
let farm: Farm;
let stored: Stored;

before(async () => {
  farm = await startFarm({ nodes: 7, gateways: 1, args: ["--no-restart"] });
  stored = await store(farm.gateway(0), content);
});
after(() => farm?.remove());

const nodeName = (index: number): string => farm.view.nodes[index]?.name ?? assert.fail();
const stateOf = async (index: number): Promise<string | undefined> => (await farm.status()).nodes[index]?.vaults[0]?.state;
const errorOf = ({ err }: CommandResult): string => (JSON.parse(err) as { readonly error: { readonly code: string } }).error.code;

test("a node nobody knows is named as such", async () => {
  const { code, err } = await farm.run("drain", "attic-nobody", "--json");
  assert.equal(code, 3);
  assert.equal((JSON.parse(err) as { readonly error: { readonly code: string } }).error.code, "no-node");
});

test("Ctrl-C leaves the drain going, undrain cancels it", async () => {
  const command = startCommand(["drain", nodeName(1)], farm.folder);
  let said = "";
  command.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await until("it says how far it is", () => said.includes("chunks"));
  command.kill("SIGINT");
  await until("the command has ended", () => command.exitCode !== null);
  assert.equal(command.exitCode, 130, said);
  assert.match(said, /goes on draining/);
  assert.equal(await stateOf(1), "draining");
  const two = await farm.run("drain", nodeName(2), "--leave", "--json");
  assert.deepEqual([two.code, errorOf(two)], [5, "others-first"], "it would be the other that leaves");
  assert.equal(await stateOf(2), "active");
  assert.equal((await farm.run("undrain", nodeName(1))).code, 0);
  await until("the node takes part again", async () => (await stateOf(1)) === "active");
});

test("with --leave it goes for good: its farm has a node less, the others sign that, and everything is there", async () => {
  const { code, out, err } = await farm.run("drain", nodeName(6), "--leave", "--json");
  assert.equal(code, 0, err);
  const { node, mayBeStopped, left } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([node, mayBeStopped, left], [nodeName(6), true, true]);
  const { nodes } = await farm.status();
  assert.deepEqual(
    nodes.map(({ name }) => name),
    farm.view.nodes.slice(0, 6).map(({ name }) => name),
  );
  await until("the others are confirmed without it", async () =>
    (await farm.status()).nodes.every(({ membership }) => membership?.confirmed === 6),
  );
  await assertReads(farm.gateway(0), stored.address, content);
});

test("a drained node may be stopped: it still runs, and without it everything is there", async () => {
  const { code, out, err } = await farm.run("drain", nodeName(2), "--json");
  assert.equal(code, 0, err);
  const { node, mayBeStopped, chunks, secondSource, statement, witness } = JSON.parse(out) as Record<string, unknown>;
  assert.ok(typeof statement === "string" && typeof witness === "string" && statement.length > 0 && witness.length > 0);
  assert.ok(farm.view.nodes.some(({ name }) => name === secondSource && name !== node));
  assert.deepEqual([node, mayBeStopped, chunks !== 0], [nodeName(2), true, true]);
  const there = farm.view.nodes[2] ?? assert.fail();
  assert.equal((await farm.status()).nodes[2]?.pid, there.pid, "nobody stopped it");
  await killNode(farm, there);
  await assertReads(farm.gateway(0), stored.address, content);
});

test("with one node more than the copies promised gone, the next may not go: refused, and nothing changed", async () => {
  await killNode(farm, farm.view.nodes[3] ?? assert.fail());
  const refused = await farm.run("drain", nodeName(0), "--json");
  assert.deepEqual([refused.code, errorOf(refused)], [5, "too-few-nodes"]);
  assert.equal(await stateOf(0), "active");
  await assertReads(farm.gateway(0), stored.address, content);
});

/** Asks again until the work is done; the signed answer. */
async function signed(node: FarmNode, path: string, body: unknown): Promise<Uint8Array> {
  const answer = await until(path, async () => {
    const asked = await node.command("POST", path, body);
    assert.ok(asked.status === 200 || asked.status === 202, JSON.stringify(asked.body));
    return asked.status === 200 ? (asked.body as { readonly signed: string }) : undefined;
  });
  return Buffer.from(answer.signed, "base64url");
}

async function pairOf({ genesis: { networkId, copies }, nodes }: NodeFarm, leaver: FarmNode): Promise<Record<string, string>> {
  const candidateOf = async (node: FarmNode): Promise<WitnessCandidate> => ({ peerId: node.peer, host: (await node.status()).host });
  const node = await candidateOf(leaver);
  const statement = await until("nothing would be missing", async () => {
    const bytes = await signed(leaver, "/v1/safe-to-stop", { purpose: "removal" });
    return checkStatement({ networkId, copies, node, purpose: "removal" }, bytes).ok ? bytes : undefined;
  });
  const turn = witnessFor(statement, node, await Promise.all(nodes.map(candidateOf)));
  const source = nodes.find(({ peer }) => peer === turn?.peerId) ?? assert.fail("nobody may be the second source");
  const witness = await signed(source, "/v1/stop-witness", statement);
  return { statement: Buffer.from(statement).toString("base64url"), witness: Buffer.from(witness).toString("base64url") };
}

test("a node that shows its statement and the second source's word goes for good; one that shows none is away", async () => {
  const group = await startNodeFarm({ nodes: 7 });
  try {
    for (let n = 0; n < 12; n += 1) {
      const bytes = new Uint8Array(noise(64 * 1024, 100 + n));
      await group.client.putChunk(chunkAddress(bytes), bytes);
    }
    const [, leaver = assert.fail(), other = assert.fail()] = group.nodes;
    assert.equal((await leaver.status()).host, "node-1");
    const seen = (node: FarmNode): string | undefined => group.client.network().nodes.find(({ peerId }) => peerId === node.peer)?.state;
    assert.equal((await leaver.command("PUT", "/v1/desired", { state: "draining" })).status, 200);
    const pair = await pairOf(group, leaver);
    assert.equal((await other.command("PUT", "/v1/leave", pair)).status, 422, "it is another's");
    assert.deepEqual((await leaver.command("PUT", "/v1/leave", pair)).body, { leaves: true });
    await leaver.terminate();
    await until("it is gone", () => seen(leaver) === "gone");
    await other.terminate();
    await until("it is away", () => seen(other) === "away");
  } finally {
    await group.remove();
  }
});

/** As whoever lets a node of `group` go takes one look at it, until it shows something. */
async function lookAt(group: NodeFarm, leaver: FarmNode, other: FarmNode): Promise<StopPair> {
  const asked = async (node: FarmNode, name: string): Promise<AskedNode> => ({
    ...{ name, peerId: node.peer, host: (await node.status()).host, at: node.admin },
  });
  const [node, witness] = await Promise.all([asked(leaver, "leaver"), asked(other, "other")]);
  const { keys, commander } = group;
  return until("a pair", async () => {
    const look = await takeStopLook("removal", { keys, commander, clock: systemClock, node, witnesses: [witness] });
    return "pair" in look ? look.pair : undefined;
  });
}

test("a farm of two in a network of nine lets a node go for good, and all nodes of the network believe it", async () => {
  const group = await startNodeFarm({ nodes: 9 });
  try {
    for (let n = 0; n < 12; n += 1) {
      const bytes = new Uint8Array(noise(64 * 1024, 200 + n));
      await group.client.putChunk(chunkAddress(bytes), bytes);
    }
    // All others are commanded by somebody else: nobody here asks them for anything.
    const [, leaver = assert.fail(), other = assert.fail()] = group.nodes;
    assert.equal((await leaver.command("PUT", "/v1/desired", { state: "draining" })).status, 200);
    // Without the others' words one of eight would be taken.
    for (let n = 0; n < 6; n += 1)
      assert.deepEqual(await group.commander.leave(leaver.admin, await lookAt(group, leaver, other)), { ok: true });
    const nodeOf = ({ peer, admin }: FarmNode, name: string): DrainNode => ({ name, peerId: peer, adminPort: admin.port, stays: true });
    const others = [nodeOf(other, "other")];
    const farm: DrainFarm = { ...group, name: "two", node: nodeOf(leaver, "leaver"), others, lookAgain: async () => others };
    const world = { clock: systemClock, interrupted: new AbortController().signal };
    const ended = await watchDrain(farm, world, () => {});
    assert.ok(ended.kind === "may-be-stopped");
    assert.deepEqual(await group.commander.leave(leaver.admin, ended.pair), { ok: true });
    await leaver.terminate();
    const stay = group.nodes.filter((node) => node !== leaver);
    await until("it is gone to all", async () => {
      const seen = await Promise.all(stay.map(async (node) => (await node.views()).find(({ peerId }) => peerId === leaver.peer)?.state));
      return seen.every((state) => state === "gone");
    });
  } finally {
    await group.remove();
  }
});
