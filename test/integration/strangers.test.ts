// Proves that whatever a stranger sends to any port of a running vault node harms nothing and leaves a proper client
// served: garbage, endless messages, forged heartbeats, connections held half open, the wrong network key, puts without a
// grant. Method: one real node process with a network key; sockets as a stranger opens them; a real client that puts and
// gets a chunk.
import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NetworkError } from "../../src/network/errors.ts";
import { createLibp2pPeers } from "../../src/network/libp2p/libp2p-peers.ts";
import type { Peers } from "../../src/network/peers.ts";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { createGenesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { datagramMax, sealBeat } from "../../src/protocol/heartbeat.ts";
import { signingKeyFromSeed, type VaultName } from "../../src/protocol/keys.ts";
import { getChunksReply, getChunksRequest } from "../../src/protocol/messages/get-chunks.ts";
import { type PutGroupReply, putChunksReply, putChunksRequest } from "../../src/protocol/messages/put-chunks.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import type { NodeStatus } from "../../src/protocol/node-status.ts";
import { parsePeerId, peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { readConfig } from "../../src/vault-node/config.ts";
import { until } from "../support/deadline.ts";
import { scrape } from "../support/node-metrics.ts";
import { healthPortOf, startVaultNode, statusOf, type VaultNodeProcess } from "../support/vault-node-process.ts";

const kib = 1024;
const mib = 1024 * kib;
const owner = signingKeyFromSeed(systemRandom.bytes(32));
const networkKey = systemRandom.bytes(32);
const genesis = createGenesis({ name: "test", copies: { min: 1, target: 1, max: 2 }, placeUnit: mib, createdAt: Date.now() }, owner);
const options = { timeoutMs: 20_000 };

let directory = "";
let node: VaultNodeProcess;
let health = 0;
let status: NodeStatus;
let address: NodeAddress;
let client: Peers;
const started: Peers[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "strangers-"));
  await writeFile(join(directory, "genesis"), genesis.bytes);
  await writeFile(join(directory, "key"), Buffer.from(networkKey).toString("hex"));
  const config = readConfig({
    VAULTFARM_DATA_DIR: join(directory, "node"),
    VAULTFARM_GENESIS_FILE: join(directory, "genesis"),
    VAULTFARM_NETWORK_KEY_FILE: join(directory, "key"),
    VAULTFARM_VAULT_CAPACITY: String(64 * mib),
    VAULTFARM_FOUNDER: "true",
  });
  node = startVaultNode({ ...config, ports: { libp2p: 0, lane: 0, heartbeat: 0, health: 0, admin: 0 } });
  health = await healthPortOf(node);
  status = await statusOf(health);
  address = status.addresses[0] ?? assert.fail("the node listens");
  client = await startPeer();
  await assertServes();
});
after(async () => {
  for (const peers of started) await peers.stop();
  node?.child.kill("SIGKILL");
  await node?.ended;
  await rm(directory, { recursive: true, force: true });
});

async function startPeer({ key = networkKey, seed = systemRandom.bytes(32) } = {}): Promise<Peers> {
  const peers = createLibp2pPeers({ seed, networkKey: key, networkId: genesis.networkId, clock: systemClock, log: silentLog });
  await peers.start();
  started.push(peers);
  peers.learn(nodeId(), [address]);
  return peers;
}

const nodeId = (): Peers["self"] => parsePeerId(status.peerId) ?? assert.fail("a PeerId");
const grantOf = (peers: Peers): Uint8Array => createGrant(genesis, owner, { peerId: peers.self, notAfterMs: 0 });

async function put(from: Peers, chunk: Uint8Array, grant: Uint8Array | null): Promise<PutGroupReply> {
  const vault = (status.vaults[0]?.name ?? assert.fail("a vault")) as VaultName;
  const body = encodeMessage(putChunksRequest, { grant, groups: [{ vault, chunks: [chunkAddress(chunk)] }] });
  const answer = await from.request(nodeId(), "put-chunks", { body, chunks: [chunk] }, options);
  const reply = decodeMessage(putChunksReply, answer.body);
  assert.ok(reply.ok);
  return reply.value.groups[0] ?? assert.fail("one group");
}

async function get(from: Peers, chunk: Address): Promise<Uint8Array | undefined> {
  const body = encodeMessage(getChunksRequest, { chunks: [chunk] });
  const answer = await from.request(nodeId(), "get-chunks", { body, chunks: [] }, options);
  assert.ok(decodeMessage(getChunksReply, answer.body).ok);
  return answer.chunks[0];
}

/** A proper client, new to the node, puts and gets over lane and control stream; health and status answer. */
async function assertServes(): Promise<void> {
  const fresh = await startPeer();
  for (const peers of [client, fresh])
    for (const size of [300 * kib, 2 * kib]) {
      const chunk = new Uint8Array(systemRandom.bytes(size));
      assert.ok((await put(peers, chunk, grantOf(peers))).receipt, "a receipt");
      const read = await get(peers, chunkAddress(chunk));
      assert.ok(read !== undefined && Buffer.compare(read, chunk) === 0, "the same bytes");
    }
  assert.equal((await statusOf(health)).state, "ready");
  assert.equal((await fetch(`http://127.0.0.1:${health}/healthz`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${status.ports.admin}/v1/desired`, { method: "PUT", body: "{}" })).status, 401);
}

type Port = { readonly name: string; readonly port: number };
const ports = (): readonly Port[] => [
  { name: "control", port: address.libp2p },
  { name: "lanes", port: address.lane },
  { name: "health", port: health },
  { name: "admin", port: status.ports.admin },
];

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

// Not once(): that rejects where a connection is reset, which is an end like the others.
const closed = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once("close", resolve));

test("garbage of any size on every port closes that connection and nothing else", async () => {
  for (const { port } of ports())
    for (const size of [1, 100, 70_000]) {
      const socket = open(port);
      socket.end(Buffer.from(systemRandom.bytes(size)));
      await closed(socket);
    }
  await assertServes();
});

test("garbage and forged heartbeats, also in floods, are counted by reason and dropped", async () => {
  const dropped = async (reason: string): Promise<number> =>
    (await scrape(`http://127.0.0.1:${health}`)).get(`vaultfarm_heartbeats_dropped_total{reason="${reason}"}`) ?? assert.fail(reason);
  const socket = createSocket("udp4");
  const send = (bytes: Uint8Array): Promise<unknown> =>
    new Promise((resolve) => socket.send(bytes, address.heartbeat, "127.0.0.1", (_error, sent) => resolve(sent)));
  // Well formed, of a session that nobody opened, sealed with a key that nobody gave.
  const forged = sealBeat({ session: 1, sequence: 1, intervalMs: 5, lateMs: 0 }, systemRandom.bytes(32));
  const garbage = new Uint8Array(systemRandom.bytes(forged.length));
  garbage[0] = 0;
  const sizes = [0, 1, forged.length - 1, datagramMax + 1, 60_000].map((size) => new Uint8Array(systemRandom.bytes(size)));
  for (let i = 0; i < 5_000; i += 1) for (const bytes of [forged, garbage, sizes[i % sizes.length] ?? garbage]) await send(bytes);
  await until("each is dropped for its reason", async () => {
    for (const bytes of [forged, garbage, ...sizes]) await send(bytes);
    return (await Promise.all(["session", "format", "length"].map(dropped))).every((count) => count > 0);
  });
  socket.close();
  await once(socket, "close");
  await assertServes();
});

/** Beginnings that announce as much as their format can, for each port. */
const beginnings: Readonly<Record<string, readonly Buffer[]>> = {
  control: [
    // multistream: a line of 2^35 bytes, and a proper beginning followed by the longest Noise message, again and again.
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.concat([Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n", "latin1"), Buffer.from([0xff, 0xff])]),
  ],
  // TLS: a handshake record of the largest length, and one larger than allowed.
  lanes: [Buffer.from([0x16, 3, 1, 0x40, 0x00, 1, 0xff, 0xff, 0xff]), Buffer.from([0x16, 3, 3, 0xff, 0xff])],
  health: [Buffer.from("GET / HTTP/1.1\r\nx: "), Buffer.from("GET /v1/status HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n")],
  admin: [Buffer.from("PUT /"), Buffer.from("PUT /v1/desired HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n")],
};

// Far more than the kernel keeps for two sockets: who is let write this was read without end.
const endless = 64 * mib;

/** Writes until the other side has enough; the bytes that this side got rid of. */
async function pour(socket: Socket, beginning: Buffer): Promise<number> {
  const piece = Buffer.alloc(64 * kib, 0x61);
  const gone = closed(socket).then(() => false);
  let poured = 0;
  socket.write(beginning);
  while (poured < endless) {
    const written = new Promise<boolean>((resolve) => void socket.write(piece, (error) => resolve(!error)));
    if (!(await Promise.race([written, gone]))) break;
    poured += piece.length;
  }
  return poured;
}

test("messages without end are cut off on every port, long before their end", async () => {
  for (const { name, port } of ports())
    for (const beginning of beginnings[name] ?? assert.fail(name)) {
      const socket = open(port);
      const poured = await pour(socket, beginning);
      assert.ok(poured < endless, `${name}: ${poured} bytes of ${JSON.stringify(beginning.toString("latin1"))} were read`);
      socket.destroy();
    }
  await assertServes();
});

test("hundreds of connections held half open on every port are turned away or time out; meanwhile clients are served", async () => {
  // Of the HTTP ports no more at once than the kernel's queue holds: above, it drops the last packet of an opening
  // connection, and only this side believes that there is one.
  const counts: Readonly<Record<string, number>> = { control: 150, lanes: 150, health: 60, admin: 60 };
  const held = ports().map(({ name, port }) =>
    Array.from({ length: counts[name] ?? assert.fail(name) }, (_, i) => {
      const socket = open(port);
      // Every other one says the first byte of something.
      if (i % 2 === 0) socket.write(Buffer.from([0x13]));
      return socket;
    }),
  );
  const chunk = new Uint8Array(systemRandom.bytes(300 * kib));
  assert.ok((await put(client, chunk, grantOf(client))).receipt, "a connected client is served all the time");
  assert.ok(await get(client, chunkAddress(chunk)));
  await until("all are closed by the node", () => held.flat().every((socket) => socket.closed));
  await assertServes();
});

test("the right protocols with a wrong network key, or with none, fail in the handshake, and the node knows nobody new", async () => {
  const connections = async (): Promise<string> =>
    /^vaultfarm_connections (\d+)$/m.exec(await (await fetch(`http://127.0.0.1:${health}/metrics`)).text())?.[1] ?? "none";
  const before = await connections();
  for (const key of [systemRandom.bytes(32), new Uint8Array(32)]) {
    const stranger = await startPeer({ key });
    const error = await stranger.dial(address, options).catch((cause: unknown) => cause);
    assert.ok(error instanceof NetworkError && error.code === "protocol" && /network key/.test(error.message), String(error));
    assert.deepEqual(stranger.connected(), []);
  }
  await until("no connection more than before", async () => (await connections()) === before);
  await assertServes();
});

test("who has the network key but no grant, an expired, a stolen or a forged one writes nothing", async () => {
  const stranger = await startPeer();
  const forger = signingKeyFromSeed(systemRandom.bytes(32));
  const other = createGenesis({ name: "other", copies: genesis.copies, placeUnit: mib, createdAt: 0 }, owner);
  const grants: readonly (Uint8Array | null)[] = [
    null,
    createGrant(genesis, owner, { peerId: stranger.self, notAfterMs: Date.now() - 1_000 }),
    grantOf(client),
    createGrant(genesis, forger, { peerId: stranger.self, notAfterMs: 0 }),
    createGrant(other, owner, { peerId: stranger.self, notAfterMs: 0 }),
    createGrant(genesis, owner, { peerId: peerIdFromPublicKey(forger.publicKey), notAfterMs: 0 }),
    new Uint8Array(systemRandom.bytes(200)),
  ];
  for (const grant of grants)
    for (const size of [2 * kib, 300 * kib]) {
      const chunk = new Uint8Array(systemRandom.bytes(size));
      const { receipt, refused } = await put(stranger, chunk, grant);
      assert.equal(receipt, null);
      assert.equal(refused.length, 1, "refused by name");
      assert.equal(await get(client, chunkAddress(chunk)), undefined, "nothing was kept");
    }
  await assertServes();
});
