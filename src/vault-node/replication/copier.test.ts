// Proves that each queued copy ends in exactly one way: made, to be looked at again, or gone with its chunk, and none silently; that a receiver has one
// message at a time and all together no more than allowed; and that a stop ends it without a word. Method: the real queue and pusher over the store in
// memory, receivers that answer by hand.
import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import { NetworkError } from "../../network/errors.ts";
import type { Delivery, Peers } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type HasChunksReply, hasChunksReply } from "../../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { RefusalReason } from "../../protocol/receipt.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { ChunkStoreError } from "../chunk-store/chunk-store-error.ts";
import { createMemoryChunkStore, type MemoryChunkStore } from "../chunk-store/memory.ts";
import { createBytePace } from "./byte-pace.ts";
import { policy, recordIn } from "./chunk-fixture.ts";
import { type Copier, createCopier } from "./copier.ts";
import { type CopyQueue, createCopyQueue } from "./copy-queue.ts";

const genesis = createGenesis({ name: "x", copies: policy, placeUnit: 20, createdAt: 0 }, signingKeyFromSeed(new Uint8Array(32).fill(1)));
const records = [0, 1, 2, 3, 4, 5].map((n) => recordIn(n, "active"));
const [own, ...receivers] = records;
const ownVault = own?.vaults[0]?.name ?? assert.fail();
const self = own?.peerId ?? assert.fail();
const [to] = receivers.map(({ peerId }) => peerId) as [PeerId];
const chunk = (n: number): Uint8Array => new Uint8Array(100).fill(n);
const addressOf = (n: number): Address => chunkAddress(chunk(n));
const pushesInFlight = 3;

let store: MemoryChunkStore;
let queue: CopyQueue;
let copier: Copier;
let ended: string[];
let says: Partial<HasChunksReply>;
let refuses: RefusalReason | "timeout";
let unreadable: boolean;
let asking: Map<PeerId, number>;
let most: { ofOne: number; ofAll: number };
let hold: Promise<void>;

const delivery = (body: Uint8Array): Delivery => ({ body, chunks: [], hashes: [], release: () => {} });
const request: Peers["request"] = async (peer, kind, { body }) => {
  if (kind === "has-chunks") {
    asking.set(peer, (asking.get(peer) ?? 0) + 1);
    most = {
      ofOne: Math.max(most.ofOne, ...asking.values()),
      ofAll: Math.max(
        most.ofAll,
        [...asking.values()].reduce((sum, n) => sum + n, 0),
      ),
    };
    await hold;
    asking.set(peer, (asking.get(peer) ?? 0) - 1);
    return delivery(encodeMessage(hasChunksReply, { held: [], receipts: [], ...says }));
  }
  const asked = decodeMessage(putChunksRequest, body);
  if (refuses === "timeout" || !asked.ok) throw new NetworkError("timeout", "no answer", { peer });
  const reason = refuses;
  const groups = asked.value.groups.map(({ vault, chunks }) => ({
    ...{ vault, receipt: null, refusals: [] },
    refused: chunks.map((one) => ({ chunk: one, reason })),
  }));
  return delivery(encodeMessage(putChunksReply, { groups }));
};

beforeEach(async () => {
  const clock = createVirtualClock();
  store = createMemoryChunkStore({ vaults: [{ vault: ownVault, capacity: 100_000 }], clock });
  await store.put([1, 2, 3, 4].map((n) => ({ vault: ownVault, address: addressOf(n), bytes: chunk(n) })));
  [queue, ended, says, refuses, unreadable] = [createCopyQueue(100), [], {}, "timeout", false];
  [asking, most, hold] = [new Map(), { ofOne: 0, ofAll: 0 }, Promise.resolve()];
  copier = createCopier({
    queue,
    pusher: {
      ...{ genesis, grant: () => null, pace: createBytePace(clock, 1e9), onDamaged: () => {} },
      ...{ peers: { self, request }, directory: { node: () => undefined } },
      ...{
        store: { get: (address) => (unreadable ? Promise.reject(new ChunkStoreError("io", "too many open files")) : store.get(address)) },
      },
      limits: { pushTimeoutMs: 1, questionTimeoutMs: 1 },
    },
    limits: { pushesInFlight, pushBytesMax: 1000 },
    events: {
      copied: (why, copies, bytes) => void ended.push(`copied ${why} ${copies} ${bytes}`),
      spared: (why, copies) => void ended.push(`spared ${why} ${copies}`),
      copyFailed: (why, copies) => void ended.push(`counted ${why} ${copies}`),
      trimmed: () => assert.fail(),
    },
    onMade: (_task, outcome) => void ended.push(`made ${outcome}`),
    onFailed: (_task, outcome) => void ended.push(`again ${outcome}`),
  });
});

function order(n: number, peer: PeerId = to): void {
  const vault = records.find(({ peerId }) => peerId === peer)?.vaults[0]?.name ?? assert.fail();
  queue.put(addressOf(n), [{ address: addressOf(n), order: { to: peer, vault, why: "repair" }, copies: 3, size: 100 }]);
}

const cases: readonly (readonly [string, readonly string[], () => void])[] = [
  [
    "is held there",
    ["made held", "spared held 1"],
    () => {
      says = { held: [{ chunk: addressOf(1), vault: ownVault, size: 100 }] };
    },
  ],
  [
    "is coming there from another",
    ["spared coming 1", "again coming"],
    () => {
      says = { coming: [addressOf(1)] };
    },
  ],
  ["gets no answer", ["counted silent 1", "again silent"], () => {}],
  [
    "is refused",
    ["counted refused 1", "again full"],
    () => {
      refuses = "full";
    },
  ],
  [
    "cannot be read for a moment",
    ["again unread"],
    () => {
      unreadable = true;
    },
  ],
  ["is of a chunk that is not here any more", [], () => void store.remove(addressOf(1))],
];
for (const [name, expected, arrange] of cases)
  test(`a copy that ${name} ends as ${expected.join(", ") || "nothing to do"}`, async () => {
    arrange();
    order(1);
    copier.run(AbortSignal.any([]));
    assert.deepEqual([copier.inFlight(), copier.inFlightTo(to), copier.repairsInFlight()], [1, 1, { copies: 1, bytes: 100 }]);
    await copier.idle();
    assert.deepEqual(ended, expected);
    assert.deepEqual([copier.inFlight(), copier.bytesCopied()], [0, 0]);
  });

test("one message at a time to a node, a bounded number in all, and all of them in the end", async () => {
  const go = Promise.withResolvers<void>();
  hold = go.promise;
  receivers.forEach(({ peerId }, n) => {
    order(n, peerId);
  });
  for (const n of [10, 11]) order(n, to);
  copier.run(AbortSignal.any([]));
  copier.run(AbortSignal.any([]));
  order(12, to);
  copier.run(AbortSignal.any([]));
  go.resolve();
  await copier.idle();
  assert.deepEqual(most, { ofOne: 1, ofAll: pushesInFlight });
  assert.deepEqual([...queue.addresses()], []);
});

test("a stop ends what is under way without a word, and begins nothing more", async () => {
  const stopping = new AbortController();
  order(1);
  order(2, receivers[1]?.peerId);
  copier.run(stopping.signal);
  stopping.abort(new Error("over"));
  await copier.idle();
  order(3);
  copier.run(stopping.signal);
  assert.deepEqual([ended, copier.inFlight(), [...queue.addresses()]], [[], 0, [addressOf(3)]]);
});
