// Proves that a request gives back all that it took, whatever came of it: its share of the node's work, the buffers its chunks came in, and
// those that chunks were read into, the last only once the answer has left. And that what is told on is told of the right chunks: as new only
// what is new, as without room only what its bytes vouch for. Method: the handlers behind their gate over the store in memory, counted.
import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import type { Answer, Delivery, Handler } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { createGrant } from "../../protocol/grant.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { getChunksReply, getChunksRequest } from "../../protocol/messages/get-chunks.ts";
import { hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createGrantCache } from "../admission.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { ChunkStoreError } from "../chunk-store/chunk-store-error.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { hostVaults } from "../hosted-vault.ts";
import { silentEvents } from "../node-events.ts";
import { createPeerShares, type PeerShares, shareLimits } from "../peer-shares.ts";
import { createWorkGate } from "../work-gate.ts";
import { createGetChunks } from "./get-chunks.ts";
import { createHasChunks } from "./has-chunks.ts";
import type { HandlerParts } from "./parts.ts";
import { createPutChunks } from "./put-chunks.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const genesis = createGenesis({ name: "x", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(1));
const [node, asker] = [2, 3].map((n) => peerIdFromPublicKey(keyOf(n).publicKey)) as [HandlerParts["node"], HandlerParts["node"]];
const hosted = hostVaults([keyOf(11)], 10_000);
const vault = hosted[0]?.name ?? assert.fail();
const chunk = (n: number, size = 100): Uint8Array => new Uint8Array(size).fill(n);
const grant = createGrant(genesis, keyOf(1), { peerId: asker, notAfterMs: 0 });
const bytesPerPeer = 1000;

let clock: VirtualClock;
let shares: PeerShares;
let store: ChunkStore;
/** Buffers that chunks were read into and that are still in use. */
let lent: number;
/** The chunk whose reading fails. */
let unreadable: Address | undefined;
let state: VaultState;
let told: { stored: Address[]; full: Address[] };
let guard: (handler: Handler) => Handler;
let parts: HandlerParts;

beforeEach(() => {
  clock = createVirtualClock();
  shares = createPeerShares(clock, { ...shareLimits, bytesPerPeer });
  [lent, unreadable, state, told] = [0, undefined, "active", { stored: [], full: [] }];
  const memory = createMemoryChunkStore({ vaults: [{ vault, capacity: 10_000 }], clock });
  store = {
    ...memory,
    get: async (address) => {
      if (address === unreadable) throw new ChunkStoreError("io", "too many open files");
      const read = await memory.get(address);
      if (read.kind !== "found") return read;
      lent += 1;
      const release = (): void => {
        lent -= 1;
      };
      return { ...read, release };
    },
  };
  const gate = createWorkGate(silentEvents);
  guard = (handler) => gate.guard(handler, () => true);
  parts = {
    ...{ genesis, node, store, shares, clock, events: silentEvents, grants: createGrantCache(genesis, clock) },
    vaults: new Map(hosted.map((one) => [one.name, one])),
    stateOf: () => state,
    isFar: () => false,
    expected: { announced: () => true, came: () => {} },
    onStored: (addresses) => void told.stored.push(...addresses),
    isFull: () => state === "cordoned",
    onFull: (_vault, address) => void told.full.push(address),
    takerOf: () => undefined,
    takerInstead: () => undefined,
  };
});

/** Asks, and counts how often the message's buffers were given back; the answer is undefined where there is none. */
async function ask(
  handler: Handler,
  body: Uint8Array,
  chunks: readonly Uint8Array[] = [],
): Promise<{ readonly answer: Answer | undefined; readonly released: number }> {
  let released = 0;
  const release = (): void => {
    released += 1;
  };
  const message: Delivery = { body, chunks, hashes: chunks.map(chunkAddress), release };
  const answer = await guard(handler)(asker, message, new AbortController().signal).catch(() => undefined);
  return { answer, released };
}

type PutChange = { readonly grant?: Uint8Array | null; readonly named?: readonly Address[] };

async function put(chunks: readonly Uint8Array[], change: PutChange = {}) {
  const { named = chunks.map(chunkAddress) } = change;
  const body = encodeMessage(putChunksRequest, { grant, ...change, groups: [{ vault, chunks: named }] });
  const { answer, released } = await ask(createPutChunks(parts), body, chunks);
  const reply = answer === undefined ? undefined : decodeMessage(putChunksReply, answer.body);
  return { refused: reply?.ok === true ? reply.value.groups[0]?.refused.map(({ reason }) => reason) : undefined, released };
}

test("a put gives back its share and its buffers: kept, refused for each reason, malformed, or lost with the store", async () => {
  const failing = (): Promise<never> => Promise.reject(new ChunkStoreError("closed", "the chunk store has been closed"));
  const cases: readonly (readonly [readonly string[] | undefined, () => ReturnType<typeof put>])[] = [
    [[], () => put([chunk(1)])],
    [[], () => put([chunk(1), chunk(2)])],
    [["not-admitted"], () => put([chunk(3)], { grant: null })],
    [["wrong-hash"], () => put([chunk(3)], { named: [chunkAddress(chunk(4))] })],
    [["busy"], () => put([chunk(3, bytesPerPeer + 1)])],
    [undefined, () => put([chunk(3)], { named: [chunkAddress(chunk(3)), chunkAddress(chunk(4))] })],
    [
      undefined,
      () => {
        parts = { ...parts, store: { ...store, put: failing } };
        return put([chunk(3)]);
      },
    ],
  ];
  for (const [refused, act] of cases) {
    const came = await act();
    assert.deepEqual(came.refused, refused);
    assert.ok(came.released > 0, `buffers of what was answered with ${refused}`);
    assert.deepEqual(shares.inUse(), { requests: 0, bytes: 0 }, `the share of what was answered with ${refused}`);
  }
});

test("a read gives back what it read once its answer has left, and at once where one of its chunks cannot be read", async () => {
  await put([1, 2, 3].map((n) => chunk(n)));
  const addresses = [1, 2, 3, 4].map((n) => chunkAddress(chunk(n)));
  const body = encodeMessage(getChunksRequest, { chunks: addresses });
  const { answer } = await ask(createGetChunks(parts), body);
  assert.ok(answer);
  assert.deepEqual([lent, shares.inUse()], [3, { requests: 1, bytes: 300 }], "until the answer has left");
  answer.release?.();
  assert.deepEqual([lent, shares.inUse()], [0, { requests: 0, bytes: 0 }]);
  unreadable = addresses[1];
  const failed = await ask(createGetChunks(parts), body);
  assert.deepEqual([failed.answer, lent, shares.inUse()], [undefined, 0, { requests: 0, bytes: 0 }]);
});

test("who reads more at a time than its share is told to wait, by the bytes it would be sent; others and its next read are not", async () => {
  await put([chunk(1, 600)]);
  await put([chunk(2, 600)]);
  const read = (n: number): ReturnType<typeof ask> =>
    ask(createGetChunks(parts), encodeMessage(getChunksRequest, { chunks: [chunkAddress(chunk(n, 600))] }));
  const first = await read(1);
  assert.ok(first.answer);
  assert.equal((await read(2)).answer, undefined);
  assert.equal(lent, 1, "nothing is read for who has too much");
  first.answer.release?.();
  const second = await read(2);
  const reply = decodeMessage(getChunksReply, second.answer?.body ?? new Uint8Array());
  assert.deepEqual(reply.ok && reply.value.found, [chunkAddress(chunk(2, 600))]);
});

test("a question what is held gives its share back, answered or malformed", async () => {
  const body = encodeMessage(hasChunksRequest, { chunks: [chunkAddress(chunk(1))], receipts: true });
  assert.ok((await ask(createHasChunks(parts), body)).answer);
  assert.equal((await ask(createHasChunks(parts), Uint8Array.of(0xff))).answer, undefined);
  assert.deepEqual(shares.inUse(), { requests: 0, bytes: 0 });
});

test("only what was not here before is told of as new", async () => {
  await put([chunk(1)]);
  await put([chunk(1), chunk(2)]);
  assert.deepEqual(
    told.stored,
    [1, 2].map((n) => chunkAddress(chunk(n))),
  );
});

test("where there is no room, that is told of a chunk that came, not of one whose name was sent with other bytes", async () => {
  state = "cordoned";
  const { refused } = await put([chunk(1), chunk(2)], { named: [chunkAddress(chunk(1)), chunkAddress(chunk(9))] });
  assert.deepEqual(refused, ["full", "full"]);
  assert.deepEqual(told.full, [chunkAddress(chunk(1))]);
});
