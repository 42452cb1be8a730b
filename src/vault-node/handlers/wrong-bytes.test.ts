// Proves that the word of a customer costs its target one challenge at most, and only where the challenge can be judged: not without a grant, not
// for chunks that are not here or not claimed there, not of strangers or of itself, not twice a minute, not from who says too much.
// Method: the handler over real grants and a virtual clock; the other node and the auditor write down what they are asked.
import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import type { Delivery } from "../../network/peers.ts";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { createGrant } from "../../protocol/grant.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { hasChunksReply } from "../../protocol/messages/has-chunks.ts";
import { wrongBytesReply, wrongBytesRequest } from "../../protocol/messages/wrong-bytes.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createGrantCache } from "../admission.ts";
import { HandlerError } from "../errors.ts";
import { createWrongBytes } from "./wrong-bytes.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peerOf = (n: number): PeerId => peerIdFromPublicKey(keyOf(n).publicKey);
const chunkOf = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const genesis = createGenesis({ name: "x", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(1));
const [self, customer, other, third] = [peerOf(2), peerOf(3), peerOf(4), peerOf(5)];
const [here, absent] = [chunkOf(7), chunkOf(8)];
const live = new Set<PeerId>([self, other, third]);

let clock: VirtualClock;
let claims: boolean;
let audited: PeerId[];
let released: number;
let tell: (what?: { from?: PeerId; grant?: Uint8Array; peer?: PeerId; chunk?: Address }) => Promise<boolean>;
const grantOf = (peerId: PeerId): Uint8Array => createGrant(genesis, keyOf(1), { peerId, notAfterMs: 0 });

beforeEach(() => {
  clock = createVirtualClock();
  [claims, audited, released] = [true, [], 0];
  const handler = createWrongBytes({
    grants: createGrantCache(genesis, clock),
    clock,
    peers: {
      self,
      request: async () => ({
        body: encodeMessage(hasChunksReply, { held: claims ? [{ chunk: here, vault: chunkOf(9), size: 1 }] : [], receipts: [] }),
        ...{ chunks: [], hashes: [], release: () => {} },
      }),
    },
    store: { info: (chunk) => (chunk === here ? { vault: chunkOf(9), size: 1, storedAtMs: 0 } : undefined) },
    auditor: {
      audit: async ({ peer, chunks }) => {
        audited.push(peer);
        return chunks.map(() => "proven" as const);
      },
    },
    isLiveNode: (peer) => live.has(peer),
  });
  tell = async ({ from = customer, grant = grantOf(from), peer = other, chunk = here } = {}) => {
    const body = encodeMessage(wrongBytesRequest, { grant, peer, chunk });
    const release = (): void => {
      released += 1;
    };
    const message: Delivery = { body, chunks: [], hashes: [], release };
    const answer = await handler(from, message, new AbortController().signal);
    const reply = decodeMessage(wrongBytesReply, answer.body);
    return reply.ok ? reply.value.challenged : assert.fail("no proper answer");
  };
});

const isRefused =
  (code: HandlerError["code"]) =>
  (error: unknown): boolean =>
    error instanceof HandlerError && error.code === code;

test("the node is challenged for the chunk that it claims, and the teller hears so", async () => {
  assert.equal(await tell(), true);
  assert.deepEqual([audited, released], [[other], 1]);
});

test("without a grant, with another's or a broken one nobody listens, and nobody is asked", async () => {
  for (const grant of [new Uint8Array(0), new Uint8Array(9), grantOf(other)]) await assert.rejects(tell({ grant }), isRefused("stranger"));
  assert.deepEqual(audited, []);
});

test("nobody is challenged who cannot be judged: a stranger, this node, one that does not claim the chunk, a chunk that is not here", async () => {
  assert.equal(await tell({ peer: peerOf(9) }), false);
  assert.equal(await tell({ peer: self }), false);
  assert.equal(await tell({ chunk: absent }), false);
  claims = false;
  assert.equal(await tell(), false);
  assert.deepEqual(audited, []);
});

test("however many tell of it, a node is challenged once a minute; another one meanwhile is", async () => {
  assert.deepEqual([await tell(), await tell({ from: third }), await tell({ peer: third })], [true, false, true]);
  await clock.advance(59_000);
  assert.equal(await tell({ from: third }), false);
  await clock.advance(1_000);
  assert.equal(await tell({ from: third }), true);
  assert.deepEqual(audited, [other, third, other]);
});

test("who says too much is not listened to for a while; others are", async () => {
  const told: string[] = [];
  for (let i = 0; i < 8; i += 1)
    told.push(await tell({ chunk: absent }).then(String, (error: unknown) => (error instanceof HandlerError ? error.code : "?")));
  assert.deepEqual(told, [...Array.from({ length: 6 }, () => "false"), "busy", "busy"]);
  assert.equal(await tell({ from: third, chunk: absent }), false);
  await clock.advance(10_000);
  assert.equal(await tell({ chunk: absent }), false, "one in ten seconds");
});
