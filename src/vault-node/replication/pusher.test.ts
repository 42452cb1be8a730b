// Proves of copies sent to another node that they count only where a vault of this very node signed for them, that nothing is sent which is there,
// comes from another or cannot be read, and that what was read is given back whatever comes of it. Method: real receipts and records, the store
// in memory, a receiver that answers by hand.
import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import { NetworkError } from "../../network/errors.ts";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Delivery, Message, Peers } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { type HasChunksReply, hasChunksReply } from "../../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { signReceipt } from "../../protocol/receipt.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { ChunkStoreError } from "../chunk-store/chunk-store-error.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { createBytePace } from "./byte-pace.ts";
import { type PusherParts, type PushOutcome, push } from "./pusher.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const policy = { copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 };
const [genesis, elsewhere] = ["x", "y"].map((name) => createGenesis({ name, ...policy }, keyOf(1))) as [
  ReturnType<typeof createGenesis>,
  ReturnType<typeof createGenesis>,
];
const [self, to, third] = [2, 3, 4].map((n) => peerIdFromPublicKey(keyOf(n).publicKey)) as [Peers["self"], Peers["self"], Peers["self"]];
const [ownVault, theirVault] = [11, 12].map((n) => vaultName(keyOf(n).publicKey)) as [Address, Address];
const chunk = (n: number): Uint8Array => new Uint8Array(100).fill(n);
const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map((n) => chunkAddress(chunk(n))) as [Address, Address, Address, Address, Address, Address];
const never = AbortSignal.any([]);

const { directory, putRecord } = createNodeViews(genesis, () => 0);
for (const [node, vault] of [
  [3, 12],
  [4, 13],
] as const)
  putRecord(
    createNodeRecord(genesis.networkId, keyOf(node), {
      ...{ addresses: [], software: "", startCounter: 1, sequence: 1, signedAtMs: 0 },
      domain: { region: "", zone: "", host: "" },
      vaults: [{ key: keyOf(vault), capacity: 1000, used: 0, chunks: 0, state: "active", wallet: null }],
    }),
    "live",
  );

let store: ChunkStore;
let lent: number;
let damaged: Address[];
/** What the receiver was sent. */
let sent: { names: readonly Address[]; first: readonly (number | undefined)[] }[];
let says: HasChunksReply | "nothing";
let answers: () => Uint8Array;

beforeEach(async () => {
  [lent, damaged, sent, says] = [0, [], [], { held: [], receipts: [] }];
  const memory = createMemoryChunkStore({ vaults: [{ vault: ownVault, capacity: 10_000 }], clock: createVirtualClock() });
  await memory.put([1, 2, 3, 4, 5].map((n) => ({ vault: ownVault, address: chunkAddress(chunk(n)), bytes: chunk(n) })));
  store = {
    ...memory,
    get: async (address) => {
      if (address === e) throw new ChunkStoreError("io", "too many open files");
      const read = address === d ? ({ kind: "damaged", vault: ownVault } as const) : await memory.get(address);
      if (read.kind !== "found") return read;
      lent += 1;
      const release = (): void => {
        lent -= 1;
      };
      return { ...read, release };
    },
  };
});

const delivery = (body: Uint8Array): Delivery => ({ body, chunks: [], hashes: [], release: () => {} });

function receive(kind: string, { body, chunks }: Message): Delivery {
  if (kind === "has-chunks") {
    if (says === "nothing") throw new NetworkError("timeout", "no answer", { peer: to });
    return delivery(encodeMessage(hasChunksReply, says));
  }
  const request = decodeMessage(putChunksRequest, body);
  if (!request.ok) assert.fail(request.why);
  sent.push({ names: request.value.groups.flatMap((group) => group.chunks), first: chunks.map((bytes) => bytes[0]) });
  return delivery(answers());
}

function pushed(chunks: readonly Address[], signal = never): Promise<ReadonlyMap<Address, PushOutcome>> {
  const parts: PusherParts = {
    ...{ genesis, directory, store, grant: () => null, limits: { pushTimeoutMs: 1, questionTimeoutMs: 1 } },
    peers: { self, request: async (_peer, kind, message) => receive(kind, message) },
    pace: createBytePace(createVirtualClock(), 1e9),
    onDamaged: (_vault, address) => void damaged.push(address),
  };
  return push(parts, { to, vault: theirVault, chunks }, signal);
}

const reply = (receipt: Uint8Array | null, refused: readonly Address[] = []): Uint8Array =>
  encodeMessage(putChunksReply, {
    groups: [{ vault: theirVault, receipt, refused: refused.map((one) => ({ chunk: one, reason: "full" as const })), refusals: [] }],
  });
const receiptOf = (key: number, node = to, chunks: readonly Address[] = [a], network = genesis): Uint8Array =>
  signReceipt(network.networkId, keyOf(key), { node, chunks, storedAtMs: 0 });

test("a copy counts only with a receipt of a vault of this very node, in this network, over this chunk", async () => {
  const cases: readonly (readonly [string, PushOutcome, () => Uint8Array])[] = [
    ["its own", "stored", () => reply(receiptOf(12))],
    ["of a vault of another node, for that node", "silent", () => reply(receiptOf(13, third))],
    ["of a vault of another node, for this one", "silent", () => reply(receiptOf(13))],
    ["of its own vault, for another node", "silent", () => reply(receiptOf(12, third))],
    ["of a vault that nobody knows", "silent", () => reply(receiptOf(99))],
    ["of another network", "silent", () => reply(receiptOf(12, to, [a], elsewhere))],
    ["over another chunk", "silent", () => reply(receiptOf(12, to, [b]))],
    ["none that can be read", "silent", () => reply(Uint8Array.of(1, 2, 3))],
    ["none, but a reason", "full", () => reply(null, [a])],
    ["none, and no reason", "silent", () => reply(null)],
    ["in no answer that can be read", "silent", () => Uint8Array.of(0xff)],
  ];
  for (const [name, outcome, body] of cases) {
    answers = body;
    assert.deepEqual([...(await pushed([a]))], [[a, outcome]], `a receipt ${name}`);
    assert.equal(lent, 0);
  }
});

test("only what it lacks and can be read here is sent, the bytes in the order of their names; each chunk has its own outcome", async () => {
  says = { held: [{ chunk: b, vault: theirVault, size: 100 }], receipts: [], coming: [c] };
  answers = () => reply(receiptOf(12, to, [a]));
  const outcomes = await pushed([f, e, d, c, b, a]);
  assert.deepEqual(
    new Map(outcomes),
    new Map<Address, PushOutcome>([
      [a, "stored"],
      [b, "held"],
      [c, "coming"],
      [d, "gone"],
      [e, "unread"],
      [f, "gone"],
    ]),
  );
  assert.deepEqual([sent, damaged, lent], [[{ names: [a], first: [1] }], [d], 0]);
  says = { held: [], receipts: [] };
  answers = () => reply(receiptOf(12, to, [a, b]), [c]);
  assert.deepEqual(
    [...(await pushed([c, a, b]))].map(([, outcome]) => outcome),
    ["full", "stored", "stored"],
  );
  assert.deepEqual(sent.at(-1), { names: [c, a, b], first: [3, 1, 2] });
});

test("who does not say what it lacks is sent nothing, and nothing is read for it", async () => {
  says = "nothing";
  assert.deepEqual(new Map(await pushed([a, b])), new Map([a, b].map((one) => [one, "silent"])));
  assert.deepEqual([sent, damaged], [[], []]);
});

test("no answer to what was sent is told as busy or silent, an end of the work as its reason, and what was read is given back", async () => {
  for (const [code, outcome] of [
    ["busy", "busy"],
    ["timeout", "silent"],
    ["refused", "silent"],
    ["closed", "silent"],
  ] as const) {
    answers = () => {
      throw new NetworkError(code, "no answer", { peer: to });
    };
    assert.deepEqual(new Map(await pushed([a, b])), new Map([a, b].map((one) => [one, outcome])), code);
    assert.equal(lent, 0);
  }
  const ending = new AbortController();
  answers = () => {
    ending.abort(new Error("over"));
    throw new NetworkError("aborted", "the caller gave up", { peer: to });
  };
  await assert.rejects(pushed([a], ending.signal), /over/);
  assert.equal(lent, 0);
});
