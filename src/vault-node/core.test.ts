// Proves what a node does with put, get and has: who may write, what is checked, what is signed, what is never served,
// and how it stops. Method: the real core on the in-memory network and store, on a virtual clock, asked by another peer.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeView, Placement } from "../network/directory.ts";
import { createMemoryNetwork } from "../network/in-memory/memory-network.ts";
import type { Delivery, Peers, RequestKind } from "../network/peers.ts";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { createGrant } from "../protocol/grant.ts";
import { type SigningKey, signingKeyFromSeed, type VaultName } from "../protocol/keys.ts";
import { chunkSizeMax, messageChunkBytesMax } from "../protocol/limits.ts";
import { type GetChunksReply, getChunksReply, getChunksRequest } from "../protocol/messages/get-chunks.ts";
import { type HasChunksReply, hasChunksReply, hasChunksRequest } from "../protocol/messages/has-chunks.ts";
import { type PutChunksReply, type PutChunksRequest, putChunksReply, putChunksRequest } from "../protocol/messages/put-chunks.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { readReceipt, readRefusal } from "../protocol/receipt.ts";
import { silentLog } from "../runtime/log.ts";
import { seededRandom } from "../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { createMemoryChunkStore } from "./chunk-store/memory.ts";
import { createVaultNodeCore, type VaultNodeCore } from "./core.ts";
import type { CoreParts } from "./core-parts.ts";
import { type HostedVault, hostVaults } from "./hosted-vault.ts";
import { type NodeEvents, silentEvents } from "./node-events.ts";

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const key = (byte: number): SigningKey => signingKeyFromSeed(seed(byte));
const owner = key(1);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, owner);
const mib = 1024 * 1024;
const capacity = 64 * mib;
const chunk = (byte: number, size = 100): Uint8Array => new Uint8Array(size).fill(byte);

type Node = {
  readonly clock: VirtualClock;
  readonly core: VaultNodeCore;
  readonly store: ChunkStore;
  readonly vaults: readonly HostedVault[];
  readonly announced: Parameters<CoreParts["membership"]["announce"]>[0][];
  readonly asker: Peers;
  readonly self: Peers;
  ask(kind: RequestKind, body: Uint8Array, chunks?: readonly Uint8Array[]): Promise<Delivery>;
};

async function startNode(change: Partial<CoreParts> = {}): Promise<Node> {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(1) });
  const [self, asker] = [network.createPeers(seed(2)), network.createPeers(seed(3), { listen: false })];
  const vaults = hostVaults([key(11), key(12)], capacity);
  const store = createMemoryChunkStore({ vaults: vaults.map(({ name }) => ({ vault: name, capacity })), clock });
  const announced: Node["announced"] = [];
  const directory = {
    closest: () => ({ holders: [], short: "nodes" as const }),
    nodes: () => [],
    node: () => undefined,
    onChange: () => () => {},
  };
  const core = createVaultNodeCore({
    identity: { genesis, peerId: self.self, vaults, domain: { region: "", zone: "", host: "" }, software: "test" },
    peers: self,
    store,
    membership: { announce: (draft) => void announced.push(draft), joined: () => true, directory },
    clock,
    random: seededRandom(2),
    log: silentLog,
    desired: "active",
    ...change,
  });
  await self.start();
  await asker.start();
  asker.learn(self.self, self.addresses());
  const ask: Node["ask"] = (kind, body, chunks = []) => asker.request(self.self, kind, { body, chunks }, { timeoutMs: 5000 });
  return { clock, core, store, vaults, announced, asker, self, ask };
}

const grantOf = (peers: Peers): Uint8Array => createGrant(genesis, owner, { peerId: peers.self, notAfterMs: 0 });
function opened<T>(decoded: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }): T {
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.why);
  return decoded.value;
}

async function put(
  node: Node,
  groups: readonly [VaultName, readonly Uint8Array[]][],
  change: Partial<PutChunksRequest> = {},
): Promise<PutChunksReply> {
  const request: PutChunksRequest = {
    grant: grantOf(node.asker),
    groups: groups.map(([vault, chunks]) => ({ vault, chunks: chunks.map(chunkAddress) })),
    ...change,
  };
  const chunks = groups.flatMap(([, list]) => list);
  return opened(decodeMessage(putChunksReply, (await node.ask("put-chunks", encodeMessage(putChunksRequest, request), chunks)).body));
}
async function get(node: Node, chunks: readonly Address[]): Promise<{ reply: GetChunksReply; bytes: readonly Uint8Array[] }> {
  const delivery = await node.ask("get-chunks", encodeMessage(getChunksRequest, { chunks }));
  return { reply: opened(decodeMessage(getChunksReply, delivery.body)), bytes: delivery.chunks };
}
async function has(node: Node, chunks: readonly Address[], receipts = true): Promise<HasChunksReply> {
  return opened(decodeMessage(hasChunksReply, (await node.ask("has-chunks", encodeMessage(hasChunksRequest, { chunks, receipts }))).body));
}
const [first, second] = hostVaults([key(11), key(12)], capacity).map(({ name }) => name) as [VaultName, VaultName];

test("chunks for two vaults in one message: one write, a receipt from each vault over what it keeps", async () => {
  const { store } = await startNode();
  const writes: number[] = [];
  const [a, b, c] = [chunk(1), chunk(2), chunk(3)];
  const counted: ChunkStore = {
    ...store,
    put: (entries) => {
      writes.push(entries.length);
      return store.put(entries);
    },
  };
  const other = await startNode({ store: counted });
  const reply = await put(other, [
    [first, [a, b]],
    [second, [c]],
  ]);
  assert.deepEqual(writes, [3]);
  const receipts = reply.groups.map(({ receipt }) => opened(readReceipt(genesis.networkId, receipt ?? new Uint8Array())));
  assert.deepEqual(
    receipts.map(({ name, chunks, node: holder }) => [name, chunks, holder]),
    [
      [first, [a, b].map(chunkAddress), other.self.self],
      [second, [chunkAddress(c)], other.self.self],
    ],
  );
  const { reply: got, bytes } = await get(other, [chunkAddress(c), chunkAddress(a)]);
  assert.deepEqual(got.found, [chunkAddress(c), chunkAddress(a)]);
  assert.deepEqual(
    bytes.map((one) => Buffer.from(one).toString("hex")),
    [c, a].map((one) => Buffer.from(one).toString("hex")),
  );
});

test("putting again gives a receipt again, from the vault that has it", async () => {
  const node = await startNode();
  await put(node, [[first, [chunk(1)]]]);
  const again = await put(node, [[second, [chunk(1), chunk(2)]]]);
  const byVault = new Map(again.groups.map(({ vault, receipt }) => [vault, receipt]));
  assert.deepEqual(opened(readReceipt(genesis.networkId, byVault.get(first) ?? new Uint8Array())).chunks, [chunkAddress(chunk(1))]);
  assert.deepEqual(opened(readReceipt(genesis.networkId, byVault.get(second) ?? new Uint8Array())).chunks, [chunkAddress(chunk(2))]);
});

test("a node with a grant cannot fill a vault with chunks that belong elsewhere; a gateway may put them, and what is held is held", async () => {
  const others = Array.from({ length: 32 }, (_, n) => peerIdFromPublicKey(key(100 + n).publicKey));
  const holders = others.map((peer) => ({ peer })) as unknown as Placement["holders"];
  let isNode = true;
  const node: Node = await startNode({
    membership: {
      announce: () => {},
      joined: () => true,
      directory: {
        closest: () => ({ holders, short: "none" }),
        nodes: () => [],
        node: (peer) => (isNode && peer === node?.asker.self ? ({ record: { vaults: [{}] } } as unknown as NodeView) : undefined),
        onChange: () => () => {},
      },
    },
  });
  const [group] = (await put(node, [[first, [chunk(1)]]])).groups;
  assert.deepEqual(group?.refused, [{ chunk: chunkAddress(chunk(1)), reason: "not-near" }]);
  assert.equal(opened(readRefusal(genesis.networkId, group.refusals[0] ?? new Uint8Array())).reason, "not-near");
  assert.equal(node.store.info(chunkAddress(chunk(1))), undefined);
  isNode = false;
  assert.deepEqual((await put(node, [[first, [chunk(1)]]])).groups[0]?.refused, []);
  isNode = true;
  assert.deepEqual((await put(node, [[first, [chunk(1)]]])).groups[0]?.refused, []);
});

test("without a grant, with one for somebody else or a forged one nothing is kept", async () => {
  const node = await startNode();
  const forged = createGrant(genesis, key(9), { peerId: node.asker.self, notAfterMs: 0 });
  for (const grant of [null, grantOf(node.self), forged, Uint8Array.of(1)]) {
    const [group] = (await put(node, [[first, [chunk(1)]]], { grant })).groups;
    assert.deepEqual([group?.receipt, group?.refused[0]?.reason], [null, "not-admitted"]);
    const refusal = opened(readRefusal(genesis.networkId, group?.refusals[0] ?? new Uint8Array()));
    assert.deepEqual([refusal.name, refusal.reason], [first, "not-admitted"]);
  }
  assert.deepEqual((await has(node, [chunkAddress(chunk(1))])).held, []);
});

test("each chunk is refused for its own reason, the others are kept", async () => {
  const node = await startNode();
  const stranger = hostVaults([key(99)], capacity)[0]?.name as VaultName;
  const groups = [
    { vault: first, chunks: [chunkAddress(chunk(1)), chunkAddress(chunk(7))] },
    { vault: stranger, chunks: [chunkAddress(chunk(3))] },
  ];
  const reply = await put(
    node,
    [
      [first, [chunk(1), chunk(2)]],
      [stranger, [chunk(3)]],
    ],
    { groups },
  );
  assert.deepEqual(
    reply.groups.map(({ vault, refused, refusals }) => [vault, refused.map(({ reason }) => reason), refusals.length]),
    [
      [first, ["wrong-hash"], 1],
      [stranger, ["unknown-vault"], 0],
    ],
  );
  assert.deepEqual(opened(readReceipt(genesis.networkId, reply.groups[0]?.receipt ?? new Uint8Array())).chunks, [chunkAddress(chunk(1))]);
});

test("a full vault refuses with a signed `full`; at 95 % it has cordoned itself, the other vaults have not", async () => {
  const node = await startNode();
  await node.core.start();
  for (let byte = 1; byte <= 15; byte++) await put(node, [[first, [chunk(byte, 4 * mib)]]]);
  const [full] = (await put(node, [[first, [chunk(20, 4 * mib)]]])).groups;
  assert.equal(opened(readRefusal(genesis.networkId, full?.refusals[0] ?? new Uint8Array())).reason, "full");
  assert.notEqual((await put(node, [[first, [chunk(21, mib)]]])).groups[0]?.receipt, null);
  await node.clock.advance(1000);
  assert.deepEqual(
    node.announced.at(-1)?.vaults.map(({ state }) => state),
    ["cordoned", "active"],
  );
  assert.equal((await put(node, [[first, [chunk(22)]]])).groups[0]?.refused[0]?.reason, "full");
  await node.core.stop();
});

test("cordoned: nothing new, but what is held is acknowledged and served; fenced: no answer", async () => {
  const node = await startNode();
  await put(node, [[first, [chunk(1)]]]);
  node.core.setDesired("cordoned");
  assert.equal(node.announced.at(-1)?.vaults[0]?.state, "cordoned");
  const [group] = (await put(node, [[first, [chunk(1), chunk(2)]]])).groups;
  assert.deepEqual(opened(readReceipt(genesis.networkId, group?.receipt ?? new Uint8Array())).chunks, [chunkAddress(chunk(1))]);
  assert.deepEqual(group?.refused, [{ chunk: chunkAddress(chunk(2)), reason: "cordoned" }]);
  assert.equal((await get(node, [chunkAddress(chunk(1))])).reply.found.length, 1);
  node.core.setDesired("fenced");
  await assert.rejects(get(node, [chunkAddress(chunk(1))]), { code: "refused" });
});

test("get: unknown chunks are said to be missing, and what does not fit is left out", async () => {
  const node = await startNode();
  const size = chunkSizeMax;
  const big = [1, 2, 3].map((byte) => chunk(byte, size));
  for (const one of big) await put(node, [[first, [one]]]);
  const unknown = chunkAddress(chunk(9));
  const { reply, bytes } = await get(node, [unknown, ...big.map(chunkAddress)]);
  assert.ok(bytes.reduce((sum, one) => sum + one.length, 0) <= messageChunkBytesMax);
  assert.deepEqual(reply.found, big.slice(0, 2).map(chunkAddress));
  assert.deepEqual(reply.missing, [
    { chunk: unknown, reason: "not-held" },
    { chunk: chunkAddress(chunk(3, size)), reason: "too-much" },
  ]);
});

test("a damaged chunk is told as damaged, counted, and not served", async () => {
  const damaged: Address[] = [];
  const events: NodeEvents = { ...silentEvents, chunkDamaged: (_vault, address) => void damaged.push(address) };
  const intact = await startNode();
  const address = chunkAddress(chunk(1));
  const store: ChunkStore = {
    ...intact.store,
    get: (asked) => (asked === address ? Promise.resolve({ kind: "damaged", vault: first }) : intact.store.get(asked)),
  };
  const node = await startNode({ store, events });
  await put(node, [[first, [chunk(1), chunk(2)]]]);
  const { reply, bytes } = await get(node, [address, chunkAddress(chunk(2))]);
  assert.deepEqual(reply, { found: [chunkAddress(chunk(2))], missing: [{ chunk: address, reason: "damaged" }] });
  assert.deepEqual([bytes.length, damaged], [1, [address]]);
});

test("has: sizes and vaults, with receipts where asked", async () => {
  const node = await startNode();
  await put(node, [
    [first, [chunk(1)]],
    [second, [chunk(2, 50)]],
  ]);
  const addresses = [chunk(1), chunk(2, 50), chunk(3)].map(chunkAddress);
  const reply = await has(node, addresses);
  assert.deepEqual(reply.held, [
    { chunk: addresses[0], vault: first, size: 100 },
    { chunk: addresses[1], vault: second, size: 50 },
  ]);
  assert.deepEqual(
    reply.receipts.map((bytes) => opened(readReceipt(genesis.networkId, bytes)).chunks),
    [[addresses[0]], [addresses[1]]],
  );
  assert.deepEqual((await has(node, addresses, false)).receipts, []);
});

test("what breaks the protocol gets no answer and changes nothing", async () => {
  const node = await startNode();
  const grant = grantOf(node.asker);
  const listed = encodeMessage(putChunksRequest, { grant, groups: [{ vault: first, chunks: [chunkAddress(chunk(1))] }] });
  const wrong: readonly [RequestKind, Uint8Array, readonly Uint8Array[]][] = [
    ["put-chunks", Uint8Array.of(0xff), []],
    ["put-chunks", listed, []],
    ["put-chunks", listed, [chunk(1), chunk(2)]],
    ["put-chunks", listed, [new Uint8Array()]],
    ["put-chunks", listed, [chunk(1, chunkSizeMax + 1)]],
    ["get-chunks", listed, []],
    ["has-chunks", new Uint8Array(), []],
  ];
  for (const [kind, body, chunks] of wrong) await assert.rejects(node.ask(kind, body, chunks), { code: "refused" });
  assert.deepEqual([...node.store.addresses()], []);
});

test("a peer over its share is told to wait, and its share comes back", async () => {
  const shares = {
    requestsPerPeer: 4,
    bytesPerPeer: 1000,
    bytesInAll: 1000,
    bytesForFirst: 0,
    firstBytes: 0,
    ratePerPeer: 1000,
    burstPerPeer: 1000,
  };
  const node = await startNode({ shares });
  const [group] = (await put(node, [[first, [chunk(1, 1001)]]])).groups;
  assert.equal(group?.refused[0]?.reason, "busy");
  for (let round = 0; round < 20; round++) assert.notEqual((await put(node, [[first, [chunk(2, 900)]]])).groups[0]?.receipt, null);
  for (let round = 0; round < 20; round++) assert.equal((await get(node, [chunkAddress(chunk(2, 900))])).reply.found.length, 1);
});

test("stopping: new requests are refused, the one in flight ends", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const plain = await startNode();
  const slow: ChunkStore = {
    ...plain.store,
    put: async (entries) => {
      begun.resolve();
      await gate.promise;
      return plain.store.put(entries);
    },
  };
  const node = await startNode({ store: slow });
  const putting = put(node, [[first, [chunk(1)]]]);
  await begun.promise;
  node.core.closeForWork();
  let idle = false;
  const ended = node.core.idle().then(() => {
    idle = true;
  });
  await new Promise(setImmediate);
  assert.equal(idle, false);
  gate.resolve();
  assert.notEqual((await putting).groups[0]?.receipt, null);
  await ended;
  await assert.rejects(has(node, [chunkAddress(chunk(1))]), { code: "refused" });
});

test("figures are announced from time to time, states at once", async () => {
  const node = await startNode();
  await node.core.start();
  const started = node.announced.length;
  const puts = 40;
  for (let byte = 1; byte <= puts; byte++) {
    await put(node, [[first, [chunk(byte)]]]);
    await node.clock.advance(500);
  }
  const figures = node.announced.length - started;
  assert.ok(figures >= 1 && figures <= 2, `${figures} announcements in 20 s`);
  node.core.setDesired("draining");
  assert.deepEqual(
    node.announced.at(-1)?.vaults.map(({ state }) => state),
    ["draining", "draining"],
  );
  assert.equal(node.announced.at(-1)?.vaults[0]?.chunks, puts);
  await node.core.stop();
});
