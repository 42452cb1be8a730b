// Proves that members of a local farm never share a port or a name, old or new, that a taken port is exchanged and an asked-for one is
// not, and that what a member is started with is what it reads. Method: real sockets on chosen ports, seeded randomness, and the readers
// of both programs' own settings.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { readConfig as readGatewayConfig } from "../../gateway/config.ts";
import { vaultFarmSpecSchema } from "../../operator/api/vault-farm.ts";
import { parsePublicKey } from "../../protocol/keys.ts";
import { seededRandom } from "../../runtime/random.ts";
import { readConfig as readNodeConfig } from "../../vault-node/config.ts";
import { fiveNodes } from "./farm-fixture.ts";
import { farmFolder } from "./farm-folder.ts";
import type { FarmState, GatewayPlace } from "./farm-state.ts";
import { placeGateway, placeNode, withFreeGatewayPorts, withFreeNodePorts } from "./member-places.ts";
import { firstPeers, localGatewayEnv, vaultNodeEnv } from "./member-settings.ts";

const random = seededRandom(11);
const empty: FarmState = { ...fiveNodes, nodes: [], gateways: [] };

async function grown(nodes: number, gateways: number): Promise<FarmState> {
  let state = empty;
  for (let i = 0; i < nodes; i += 1) state = { ...state, nodes: [...state.nodes, await placeNode(state, "", random)] };
  for (let i = 0; i < gateways; i += 1) state = { ...state, gateways: [...state.gateways, await placeGateway(state, random)] };
  return state;
}

test("no two members share a port or a name", async () => {
  const { nodes, gateways } = await grown(12, 3);
  const ports = [
    ...nodes.flatMap((node) => Object.values(node.ports)),
    ...gateways.flatMap(({ port, libp2p, lane }) => [port, libp2p, lane]),
  ];
  assert.equal(new Set(ports).size, 12 * 5 + 3 * 3);
  assert.equal(new Set([...nodes, ...gateways].map(({ name }) => name)).size, 15);
  for (const { name } of nodes) assert.match(name, /^attic-[a-z2-7]{5}$/);
});

test("a port that is taken by now is exchanged, all of a node's together; free ones stay as others know them", async (context) => {
  const state = await grown(2, 1);
  const [node = assert.fail()] = state.nodes;
  assert.equal(await withFreeNodePorts(state, node, random), node);
  const taker = createServer().listen(node.ports.admin, "127.0.0.1");
  await once(taker, "listening");
  context.after(() => taker.close());
  const moved = await withFreeNodePorts(state, node, random);
  const old = new Set(state.nodes.flatMap(({ ports }) => Object.values(ports)));
  assert.ok(Object.values(moved.ports).every((port) => !old.has(port)));
  assert.deepEqual({ ...moved, ports: 0 }, { ...node, ports: 0 }, "who it is stays");
});

test("a gateway's port that a person asked for is never exchanged; another is, for the next free one", async (context) => {
  const state = await grown(0, 1);
  const [gateway = assert.fail()]: readonly GatewayPlace[] = state.gateways;
  const taker = createServer().listen(gateway.port, "127.0.0.1");
  await once(taker, "listening");
  context.after(() => taker.close());
  assert.equal((await withFreeGatewayPorts(state, gateway, random, true)).port, gateway.port);
  const moved = await withFreeGatewayPorts(state, gateway, random, false);
  assert.ok(moved.port > gateway.port && moved.name === gateway.name);
  assert.equal((await placeGateway(empty, random, 12_345)).port, 12_345);
});

test("what a member is started with is what it reads: its own ports, the farm's sizes, the manifest's wishes", async () => {
  const state = await grown(3, 1);
  const folder = farmFolder("/farms", "attic");
  const spec = vaultFarmSpecSchema.parse({
    ...{ replicas: 4, vaultCapacity: "16Mi", network: { profile: "cluster" }, repair: { delaySeconds: 20 } },
    gateway: { replicas: 1, quota: { perDay: "1Gi" }, trustedProxies: ["10.0.0.0/8"] },
  });
  const adminPublicKey = parsePublicKey("ab".repeat(32)) ?? assert.fail();
  const configs = state.nodes.map((node) => readNodeConfig(vaultNodeEnv(folder, state, node, { adminPublicKey, spec })));
  for (const [i, config] of configs.entries()) {
    assert.deepEqual(config.ports, state.nodes[i]?.ports);
    assert.deepEqual([config.vaults, config.vaultCapacity, config.profile, config.repairDelayMs], [1, 2 ** 24, "cluster", 20_000]);
    assert.deepEqual([config.dataDir, config.listenIp], [folder.member("node", state.nodes[i]?.name ?? "").data, "127.0.0.1"]);
  }
  assert.deepEqual(
    configs.map(({ founder }) => founder),
    [true, false, false],
  );
  const [gateway = assert.fail()] = state.gateways;
  const read = readGatewayConfig(localGatewayEnv(folder, spec, gateway));
  assert.deepEqual([read.port, read.libp2pPort, read.lanePort, read.host], [gateway.port, gateway.libp2p, gateway.lane, "127.0.0.1"]);
  assert.deepEqual([read.writes, read.quota.perDay, read.trustedProxies], ["open", 2 ** 30, ["10.0.0.0/8"]]);
});

test("the founder is one that stays: who was released does not start, and the others would wait for it for ever", () => {
  const folder = farmFolder("/farms", "attic");
  const spec = vaultFarmSpecSchema.parse({ replicas: 4, vaultCapacity: "16Mi" });
  const adminPublicKey = parsePublicKey("ab".repeat(32)) ?? assert.fail();
  const nodes = fiveNodes.nodes.map((node, i) =>
    i === 0 ? { ...node, assigned: { leaving: "ScaleDown" as const, released: true } } : node,
  );
  const founders = nodes.filter(
    (node) => readNodeConfig(vaultNodeEnv(folder, { ...fiveNodes, nodes }, node, { adminPublicKey, spec })).founder,
  );
  assert.deepEqual(
    founders.map(({ name }) => name),
    ["attic-b"],
  );
});

test("a member begins with others, never with itself, and with not too many", async () => {
  const names = Array.from({ length: 20 }, (_, i) => ({
    ...(fiveNodes.nodes[0] ?? assert.fail()),
    name: `attic-${String.fromCharCode(97 + i)}`,
  }));
  const peers = firstPeers({ ...fiveNodes, nodes: names }, "attic-c").map(({ name }) => name);
  assert.deepEqual([peers.includes("attic-c"), peers.length], [false, 8]);
});
