// Proves of a whole replicator that what waits for a vault which turns out to be full is not sent to it just to hear so, and goes
// to it once its record says that it has room again; that a vault which never takes a copy does not keep it from the next one; and that
// a chunk that could not be read is sent a little later. A real directory; what the other nodes answer is scripted.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { NetworkError } from "../../network/errors.ts";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Delivery, Peers } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { replicationLimits } from "./replication-limits.ts";
import { createReplicator } from "./replicator.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const vaultKeyOf = (n: number) => keyOf(n + 40);
const genesis = createGenesis({ name: "full", copies: { min: 1, target: 2, max: 3 }, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(90));
const crowded = createGenesis({ name: "crowded", copies: { min: 2, target: 3, max: 4 }, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(90));
const capacity = 2 ** 24;
const recordOf = (n: number, state: "active" | "cordoned" = "active") =>
  createNodeRecord(genesis.networkId, keyOf(n), {
    addresses: [],
    domain: { region: "", zone: "", host: `host ${n}` },
    ...{ software: "", startCounter: 1, sequence: 1, signedAtMs: 0 },
    vaults: [{ key: vaultKeyOf(n), capacity, used: 0, chunks: 0, state, wallet: null }],
  });

test("what waits for a vault that is full is not sent to it; once its record says that it takes again, it is", async () => {
  const clock = createVirtualClock();
  const { directory, putRecord } = createNodeViews(genesis, clock.wallMs);
  for (const n of [1, 2]) putRecord(recordOf(n), "live");
  const vault = vaultName(vaultKeyOf(1).publicKey);
  const store = createMemoryChunkStore({ vaults: [{ vault, capacity }], clock });
  const chunks = Array.from({ length: 20 }, (_, n) => Uint8Array.of(n, 1));
  await store.put(chunks.map((bytes) => ({ vault, address: chunkAddress(bytes), bytes })));
  let sent = 0;
  const request: Peers["request"] = async (_peer, kind, message) => {
    const reply = (body: Uint8Array) => ({ body, chunks: [], hashes: [], release: () => {} });
    if (kind === "put-chunks") {
      const asked = decodeMessage(putChunksRequest, message.body);
      assert.ok(asked.ok);
      sent += message.chunks.length;
      putRecord(recordOf(2, "cordoned"), "live");
      const groups = asked.value.groups.map((group) => ({
        ...{ vault: group.vault, receipt: null, refusals: [] },
        refused: group.chunks.map((chunk) => ({ chunk, reason: "full" as const })),
      }));
      return reply(encodeMessage(putChunksReply, { groups }));
    }
    assert.ok(kind !== "has-chunks" || decodeMessage(hasChunksRequest, message.body).ok);
    return reply(encodeMessage(hasChunksReply, { held: [], receipts: [] }));
  };
  const replicator = createReplicator({
    ...{ genesis, peers: { self: recordOf(1).peerId, request }, directory, store, clock, log: silentLog },
    // A message for each chunk.
    limits: { ...replicationLimits, pushBytesMax: 1 },
    ...{ grant: () => new Uint8Array(8), joined: () => true, serves: () => true, distrusted: () => new Set() },
    ...{ onDamaged: () => {}, onWrongBytes: () => {}, onRefused: () => {}, onTaken: () => {} },
  });
  replicator.start();
  await clock.advance(60_000);
  assert.equal(sent, 1, "one refusal says it for all");
  await clock.advance(60_000);
  putRecord(recordOf(2), "live");
  await clock.advance(replicationLimits.refusedForMs + 2 * replicationLimits.tickMs);
  assert.ok(sent > 1, "room came");
  await replicator.stop();
});

/** A node with one chunk that lacks a copy, and two others that could take it; whom it is sent to, in this order. */
function sending(take: (peer: PeerId, first: PeerId) => Promise<Delivery>, get?: ChunkStore["get"]) {
  const clock = createVirtualClock();
  const { directory, putRecord } = createNodeViews(genesis, clock.wallMs);
  for (const n of [1, 2, 3]) putRecord(recordOf(n), "live");
  const store = createMemoryChunkStore({ vaults: [{ vault: vaultName(vaultKeyOf(1).publicKey), capacity }], clock });
  const self = recordOf(1).peerId;
  const address = chunkAddress(Uint8Array.of(9));
  const [first] = directory.closest(address, 3, "write").holders.flatMap(({ peer }) => (peer === self ? [] : [peer]));
  assert.ok(first !== undefined);
  const sent: PeerId[] = [];
  const request: Peers["request"] = async (peer, kind) => {
    if (kind !== "put-chunks")
      return { body: encodeMessage(hasChunksReply, { held: [], receipts: [] }), chunks: [], hashes: [], release: () => {} };
    sent.push(peer);
    return take(peer, first);
  };
  const replicator = createReplicator({
    ...{ genesis, peers: { self, request }, directory, store: { ...store, ...(get && { get }) }, clock, log: silentLog },
    limits: replicationLimits,
    ...{ grant: () => new Uint8Array(8), joined: () => true, serves: () => true, distrusted: () => new Set() },
    ...{ onDamaged: () => {}, onWrongBytes: () => {}, onRefused: () => {}, onTaken: () => {} },
  });
  const start = async (): Promise<void> => {
    await store.put([{ vault: vaultName(vaultKeyOf(1).publicKey), address, bytes: Uint8Array.of(9) }]);
    replicator.start();
  };
  return { clock, sent, first, replicator, start, store };
}

const unanswered = async (): Promise<Delivery> => {
  throw new NetworkError("timeout", "no answer");
};

test("a vault that never takes the copy, though its node is there, does not keep it from the next one", async () => {
  const { clock, sent, first, replicator, start } = sending(unanswered);
  await start();
  await clock.advance(300_000);
  assert.equal(sent[0], first);
  assert.ok(
    sent.some((peer) => peer !== first),
    `tried ${sent.length} times, always the same`,
  );
  await clock.advance(300_000);
  assert.ok(sent.lastIndexOf(first) > sent.findIndex((peer) => peer !== first), "and it is tried again, as nobody takes it");
  await replicator.stop();
});

test("a chunk that cannot be read for a moment is sent a little later", async () => {
  let failures = 3;
  const scene = sending(unanswered, async (address) => {
    failures -= 1;
    if (failures >= 0) throw new Error("too many open files");
    return scene.store.get(address);
  });
  await scene.start();
  await scene.clock.advance(60_000);
  assert.ok(scene.sent.length > 0);
  await scene.replicator.stop();
});

test("a copy that gave way to a more pressing one is owed still, and made a little later", async () => {
  const clock = createVirtualClock();
  const { directory, putRecord } = createNodeViews(crowded, clock.wallMs);
  const sets = Array.from({ length: 4 }, (_, n) => recordOf(n + 1));
  for (const record of sets) putRecord(record, "live");
  const [self, second] = sets.map(({ peerId }) => peerId);
  assert.ok(self !== undefined && second !== undefined);
  const vault = vaultName(vaultKeyOf(1).publicKey);
  const store = createMemoryChunkStore({ vaults: [{ vault, capacity }], clock });
  // Two chunks of which this node is to make copies: one is held here alone, the other there as well.
  const isOwn = (bytes: Uint8Array): boolean => directory.closest(chunkAddress(bytes), 4, "write").holders[0]?.peer === self;
  const [low, lower] = Array.from({ length: 100 }, (_, n) => Uint8Array.of(n, 7)).filter(isOwn);
  assert.ok(low !== undefined && lower !== undefined);
  const sent = new Set<string>();
  const request: Peers["request"] = async (peer, kind, message) => {
    const reply = (body: Uint8Array) => ({ body, chunks: [], hashes: [], release: () => {} });
    if (kind !== "put-chunks") {
      const asked = decodeMessage(hasChunksRequest, message.body);
      assert.ok(asked.ok);
      const has = (chunk: Address): boolean => sent.has(`${peer} ${chunk}`) || (peer === second && chunk === chunkAddress(low));
      const held = asked.value.chunks.filter(has).map((chunk) => ({ chunk, vault, size: 2 }));
      return reply(encodeMessage(hasChunksReply, { held, receipts: [] }));
    }
    const asked = decodeMessage(putChunksRequest, message.body);
    assert.ok(asked.ok);
    const groups = asked.value.groups.map((group) => {
      for (const chunk of group.chunks) sent.add(`${peer} ${chunk}`);
      return { vault: group.vault, receipt: null, refusals: [], refused: [] };
    });
    return reply(encodeMessage(putChunksReply, { groups }));
  };
  let granted = false;
  const replicator = createReplicator({
    ...{ genesis: crowded, peers: { self, request }, directory, store, clock, log: silentLog },
    limits: { ...replicationLimits, tasksMax: 2 },
    ...{ grant: () => (granted ? new Uint8Array(8) : null), joined: () => true, serves: () => true, distrusted: () => new Set() },
    ...{ onDamaged: () => {}, onWrongBytes: () => {}, onRefused: () => {}, onTaken: () => {} },
  });
  replicator.start();
  await clock.advance(10_000);
  await store.put([{ vault, address: chunkAddress(low), bytes: low }]);
  replicator.hint([chunkAddress(low)]);
  await clock.advance(2_000);
  await store.put([{ vault, address: chunkAddress(lower), bytes: lower }]);
  replicator.hint([chunkAddress(lower)]);
  await clock.advance(2_000);
  granted = true;
  await clock.advance(60_000);
  const copiesOf = (bytes: Uint8Array): number => [...sent].filter((one) => one.endsWith(chunkAddress(bytes))).length;
  assert.deepEqual([copiesOf(lower), copiesOf(low)], [2, 1]);
  await replicator.stop();
});
