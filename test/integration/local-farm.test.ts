// Proves the main job on real processes: a file stored through one gateway is read back identical through the other while
// one, then three of eight nodes are killed without warning, and again after a restart of everything. One farm, in order.
import { strict as assert } from "node:assert";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { identifyProcess } from "../../src/cli/local-farm/process-identity.ts";
import type { NetworkView } from "../../src/protocol/network-view.ts";
import { until } from "../support/deadline.ts";
import { type Farm, killNode, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const first = noise(13 * 2 ** 20 + 7, 1);
const small = noise(5000, 2);
let farm: Farm;
let stored: Stored;
let storedSmall: Stored;
let folder: string;

before(async () => {
  farm = await startFarm({ vaultsPerNode: 3, args: ["--no-restart"] });
  folder = farm.folder;
});
after(() => farm?.remove());

/** What scripts rely on must be there; more may. */
function assertHas(part: object, agreed: readonly string[]): void {
  assert.deepEqual(
    agreed.filter((key) => !Object.hasOwn(part, key)),
    [],
    "agreed keys are missing",
  );
}

test("the farm is what the manifest says, in the agreed shape", () => {
  const { view } = farm;
  assertHas(view, ["farm", "gateways", "nodes"]);
  assert.deepEqual([view.farm, view.gateways.length, view.nodes.length], ["attic", 2, 8]);
  for (const node of view.nodes) {
    assertHas(node, ["admin", "peerId", "pid", "state", "vaults", "zone"]);
    assert.equal(node.state, "ready");
    assert.equal(node.vaults.length, 3);
  }
  assert.equal(new Set(view.nodes.map(({ peerId }) => peerId)).size, 8);
});

test("both gateways follow the owner's certificate: all eight are confirmed and reachable", async () => {
  for (const index of [0, 1])
    await until(`gateway ${index} follows`, async () => {
      const { membership } = (await (await fetch(`${farm.gateway(index)}/v1/network`)).json()) as NetworkView;
      return membership?.text === "8 of 8 confirmed nodes reachable" && membership.state === "whole";
    });
  const { membership } = (await (await fetch(`${farm.gateway(0)}/v1/network`)).json()) as NetworkView;
  const [node] = (await farm.status()).nodes;
  assert.equal(membership?.head, node?.membership?.head);
});

test("its folder is private", async () => {
  assert.equal((await stat(farm.data)).mode & 0o077, 0);
  for (const key of ["owner.key", "admin.key", "network.key"])
    assert.equal((await stat(join(farm.data, "network", key))).mode & 0o777, 0o600);
});

test("a file is stored on at least four nodes and reads back identical through the other gateway", async () => {
  stored = await store(farm.gateway(0), first);
  storedSmall = await store(farm.gateway(1), small);
  for (const { copies } of [stored, storedSmall]) assert.ok(copies.min >= 4, `only ${copies.min} copies`);
  assert.equal(stored.bytes, first.length);
  await assertReads(farm.gateway(1), stored.address, first);
  await assertReads(farm.gateway(0), storedSmall.address, small);
});

test("one node killed: it reads back through the other gateway, and writing goes on", async () => {
  await killNode(farm, farm.view.nodes[3] ?? assert.fail());
  await assertReads(farm.gateway(1), stored.address, first);
  const next = await store(farm.gateway(0), noise(3 * 2 ** 20, 3));
  assert.ok(next.copies.min >= 4);
  await assertReads(farm.gateway(1), next.address, noise(3 * 2 ** 20, 3));
});

test("three of eight killed: everything still reads back, through both gateways", async () => {
  for (const i of [0, 6]) await killNode(farm, farm.view.nodes[i] ?? assert.fail());
  for (const gateway of [farm.gateway(0), farm.gateway(1)]) {
    await assertReads(gateway, stored.address, first);
    await assertReads(gateway, storedSmall.address, small);
  }
  assert.equal((await farm.status()).nodes.filter(({ state, pid }) => state === "down" && pid === null).length, 3);
});

test("a second up shows the running farm and leaves it alone", async () => {
  const second = await farm.run("up", "-f", "farm.yaml", "--json");
  assert.equal(second.code, 0, second.err);
  assert.deepEqual(JSON.parse(second.out).farm, "attic");
  assert.match((await farm.run("up", "-f", "farm.yaml")).out, new RegExp(`is run by process ${farm.upPid}`));
});

test("put and get on the command line do the same job", async () => {
  await writeFile(join(folder, "picture"), small);
  const put = await farm.run("put", "picture", "--json");
  assert.equal(put.code, 0, put.err);
  const { address } = JSON.parse(put.out) as Stored;
  const get = await farm.run("get", address, "-o", "back", "--gateway", farm.gateway(1));
  assert.equal(get.code, 0, get.err);
  assert.ok((await readFile(join(folder, "back"))).equals(small));
  assert.equal((await farm.run("get", "0".repeat(128), "-o", "none")).code, 3);
});

test("down stops everything; a restart has the same nodes and the same data, without the three being told", async () => {
  const pids = [...(await farm.status()).nodes, ...farm.view.gateways].flatMap(({ pid }) => pid ?? []);
  const down = await farm.run("down");
  assert.deepEqual([down.code, down.out], [0, "attic has stopped\n"]);
  for (const pid of pids) assert.equal(await identifyProcess(pid), undefined, `process ${pid} still runs`);
  assert.equal((await farm.run("put", "picture")).code, 4);
  const before = farm.view;
  farm = await startFarm({ vaultsPerNode: 3, folder });
  assert.deepEqual(farm.view.nodes.map(({ peerId }) => peerId).toSorted(), before.nodes.map(({ peerId }) => peerId).toSorted());
  await assertReads(farm.gateway(0), stored.address, first);
  await assertReads(farm.gateway(1), storedSmall.address, small);
});

test("a killed node comes back by itself, with its identity", async () => {
  const victim = farm.view.nodes[2] ?? assert.fail();
  process.kill(victim.pid ?? 0, "SIGKILL");
  const back = await until("the node is back", async () =>
    (await farm.status()).nodes.find(({ peerId, state, pid }) => peerId === victim.peerId && state === "ready" && pid !== victim.pid),
  );
  assert.equal(back.peerId, victim.peerId);
});

test("when up is killed, its processes stop by themselves, and the next up carries on", async () => {
  const pids = [...farm.view.nodes, ...farm.view.gateways].flatMap(({ pid }) => pid ?? []);
  process.kill(farm.upPid, "SIGKILL");
  await until("no process is left", async () => (await Promise.all(pids.map(identifyProcess))).every((found) => found === undefined));
  farm = await startFarm({ vaultsPerNode: 3, folder });
  await assertReads(farm.gateway(1), stored.address, first);
  await farm.stop();
});
