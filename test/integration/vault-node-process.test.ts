// Proves the life of one real vault node process: it starts, answers, stops on SIGTERM with 0, comes back with the same
// identity, keeps others off its volume, names a port in use and a broken configuration, and shrugs off garbage.
// Method: real processes on loopback with directories of their own.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { createLibp2pPeers } from "../../src/network/libp2p/libp2p-peers.ts";
import { createMembership } from "../../src/network/membership/membership.ts";
import { type AdminHttpRequest, adminSignatureHeader, checkAdminAnswer, signAdminRequest } from "../../src/protocol/admin-request.ts";
import { createGenesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import type { NodeStatus } from "../../src/protocol/node-status.ts";
import { parsePeerId } from "../../src/protocol/peer-id.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { readConfig, type VaultNodeConfig } from "../../src/vault-node/config.ts";
import { until } from "../support/deadline.ts";
import { healthPortOf, startVaultNode, statusOf, type VaultNodeProcess } from "../support/vault-node-process.ts";

const owner = signingKeyFromSeed(systemRandom.bytes(32));
const admin = signingKeyFromSeed(systemRandom.bytes(32));
const mib = 1024 * 1024;
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: mib, createdAt: Date.now() }, owner);
const freePorts = { libp2p: 0, lane: 0, heartbeat: 0, health: 0, admin: 0 };

let directory = "";
let started: VaultNodeProcess[] = [];
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "vault-node-"));
  await writeFile(join(directory, "genesis"), genesis.bytes);
});
afterEach(async () => {
  for (const { child } of started) child.kill("SIGKILL");
  await Promise.all(started.map(({ ended }) => ended));
  started = [];
});
after(() => rm(directory, { recursive: true }));

function start(name: string, change: Partial<VaultNodeConfig> = {}): VaultNodeProcess {
  const defaults = readConfig({
    VAULTFARM_DATA_DIR: join(directory, name),
    VAULTFARM_GENESIS_FILE: join(directory, "genesis"),
    VAULTFARM_VAULT_CAPACITY: String(32 * mib),
    VAULTFARM_VAULTS: "3",
    VAULTFARM_FOUNDER: "true",
  });
  const node = startVaultNode({ ...defaults, ports: freePorts, adminPublicKey: admin.publicKey, stopGraceMs: 10_000, ...change });
  started.push(node);
  return node;
}

async function stop(node: VaultNodeProcess): Promise<void> {
  node.child.kill("SIGTERM");
  assert.deepEqual(await node.ended, { code: 0, signal: null }, node.log.map(({ msg }) => msg).join("; "));
}

async function command(status: NodeStatus, method: string, path: string, body: Uint8Array): Promise<number> {
  const node = parsePeerId(status.peerId);
  assert.ok(node);
  const request: AdminHttpRequest = { method, path, body };
  const terms = { node, nonce: systemRandom.bytes(16), notAfterMs: Date.now() + 15_000 };
  const header = signAdminRequest(genesis.networkId, admin, request, terms);
  const response = await fetch(`http://127.0.0.1:${status.ports.admin}${path}`, {
    method,
    headers: { [adminSignatureHeader]: header },
    body: Buffer.from(body),
  });
  const answer = { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  const asked = { networkId: genesis.networkId, node, nonce: terms.nonce };
  assert.ok(checkAdminAnswer(asked, answer, response.headers.get(adminSignatureHeader) ?? undefined).ok, "signed by the node");
  return response.status;
}

test("starts, answers on its ports, obeys signed commands, stops with 0, and comes back as the same node", async () => {
  const first = start("a");
  const health = await healthPortOf(first);
  const status = await statusOf(health);
  assert.deepEqual([status.state, status.startCounter, status.admin, status.granted], ["ready", 1, "active", false]);
  assert.deepEqual(
    status.vaults.map(({ state, capacity, chunks }) => [state, capacity, chunks]),
    Array(3).fill(["active", 32 * mib, 0]),
  );
  assert.ok(status.addresses.every(({ ip, libp2p, lane }) => ip === "127.0.0.1" && libp2p > 0 && lane > 0));
  assert.equal((await fetch(`http://127.0.0.1:${health}/healthz`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${health}/readyz`)).status, 200);
  assert.match(await (await fetch(`http://127.0.0.1:${health}/metrics`)).text(), /^vaultfarm_ready 1$/m);
  const peerId = parsePeerId(status.peerId);
  assert.ok(peerId);
  assert.equal(await command(status, "PUT", "/v1/desired", Buffer.from('{"state":"cordoned"}')), 200);
  assert.equal(await command(status, "PUT", "/v1/grant", createGrant(genesis, owner, { peerId, notAfterMs: 0 })), 200);
  assert.deepEqual(new Set((await statusOf(health)).vaults.map(({ state }) => state)), new Set(["cordoned"]));
  await stop(first);

  const second = start("a");
  const again = await statusOf(await healthPortOf(second));
  assert.equal(again.peerId, status.peerId);
  assert.deepEqual(
    again.vaults.map(({ name }) => name),
    status.vaults.map(({ name }) => name),
  );
  assert.deepEqual([again.startCounter, again.admin, again.granted], [2, "cordoned", true]);
  await stop(second);
});

test("SIGTERM says `away` to its peers, and it is live again once it is back", async () => {
  const clock = systemClock;
  const peers = createLibp2pPeers({ seed: systemRandom.bytes(32), networkId: genesis.networkId, clock, log: silentLog });
  const membership = createMembership({ peers, genesis, clock, random: systemRandom, log: silentLog });
  try {
    await peers.start();
    await membership.start();
    const states: string[] = [];
    membership.directory.onChange((peer) => void states.push(membership.directory.node(peer)?.state ?? "unknown"));
    const first = start("g");
    const { peerId, addresses } = await statusOf(await healthPortOf(first));
    membership.bootstrap(addresses);
    const seen = (state: string): Promise<boolean> =>
      until(`seen as ${state}`, () => membership.directory.nodes().some((view) => view.record.peerId === peerId && view.state === state));
    await seen("live");
    await stop(first);
    await seen("away");
    assert.ok(!states.includes("suspected"), `told, not found out: ${states.join(", ")}`);
    const second = start("g");
    membership.bootstrap((await statusOf(await healthPortOf(second))).addresses);
    await seen("live");
    await stop(second);
  } finally {
    await membership.stop();
    await peers.stop();
  }
});

test("a second process on the same volume is refused while the first serves on", async () => {
  const first = start("b");
  const health = await healthPortOf(first);
  const second = start("b");
  assert.equal((await second.ended).code, 1);
  assert.match(second.log.at(-1)?.msg ?? "", new RegExp(`in use by another vault node \\(process ${first.child.pid}\\)`));
  assert.equal((await statusOf(health)).startCounter, 1);
  first.child.kill("SIGKILL");
  await first.ended;
  const third = start("b");
  assert.equal((await statusOf(await healthPortOf(third))).startCounter, 2, "the lock went with its holder");
  await stop(third);
});

test("a port in use is named with the setting to change, on every port", async (context) => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  context.after(() => holder.close());
  const held = (holder.address() as { port: number }).port;
  for (const port of ["libp2p", "lane", "health", "admin"] as const) {
    const node = start(`c-${port}`, { ports: { ...freePorts, [port]: held } });
    assert.equal((await node.ended).code, 1, port);
    assert.match(node.log.at(-1)?.msg ?? "", new RegExp(`port ${held} on 127\\.0\\.0\\.1 is in use.*VAULTFARM_PORT_${port.toUpperCase()}`));
  }
});

test("a wrong configuration and a disk too small are named", async () => {
  const noGenesis = start("d", { genesisFile: join(directory, "nothing") });
  assert.equal((await noGenesis.ended).code, 1);
  assert.match(noGenesis.log.at(-1)?.msg ?? "", /VAULTFARM_GENESIS_FILE: there is no file/);
  const tooLarge = start("d", { vaultCapacity: 2 ** 52 });
  assert.equal((await tooLarge.ended).code, 1);
  assert.match(tooLarge.log.at(-1)?.msg ?? "", /do not fit a disk of .* set VAULTFARM_VAULT_CAPACITY to at most \d+/);
});

test("garbage on every port harms nothing", async () => {
  const node = start("e");
  const health = await healthPortOf(node);
  const { ports, addresses } = await statusOf(health);
  const [address] = addresses;
  assert.ok(address);
  for (const port of [ports.health, ports.admin, address.libp2p, address.lane])
    for (const size of [1, 100, 70_000]) {
      const socket = connect(port, "127.0.0.1");
      // It may be closed with a reset while the bytes are on their way.
      socket.on("error", () => {});
      socket.resume();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end(Buffer.from(systemRandom.bytes(size)));
      await closed;
    }
  assert.equal((await statusOf(health)).state, "ready");
  await stop(node);
});

test("a second SIGTERM ends it at once", async () => {
  const node = start("f");
  await healthPortOf(node);
  node.child.kill("SIGTERM");
  await node.said("stopping");
  node.child.kill("SIGTERM");
  const { code } = await node.ended;
  assert.ok(code === 1 || code === 0, `code ${code}`);
});
