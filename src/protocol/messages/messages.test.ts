// Proves of every decoder of the protocol that valid messages come back as they were, that oversized ones are refused, and
// by fuzzing, random bytes and damaged valid ones, that none throws and none accepts two encodings of one value.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { z } from "zod";
import { type Address, addressFromBytes } from "../address.ts";
import { checkAdminRequest, signAdminRequest } from "../admin-request.ts";
import { readCertificate, signAsOwner } from "../certificate.ts";
import { type Decoded, decodeMessage, encodeCanonical, encodeMessage } from "../encoding.ts";
import { createGenesis, readGenesis } from "../genesis.ts";
import { checkGrant, createGrant } from "../grant.ts";
import { signingKeyFromSeed } from "../keys.ts";
import {
  addressesPerRequestMax,
  auditChunksMax,
  chunksPerMessageMax,
  compareListsBytesMax,
  comparePartsMax,
  compareRangesMax,
  messageBodyMax,
  nodeRecordMax,
  recordBytesPerMessageMax,
  recordsPerMessageMax,
} from "../limits.ts";
import { createNodeRecord, readNodeRecord } from "../node-record.ts";
import { createNonceCache } from "../nonce-cache.ts";
import { peerIdFromPublicKey } from "../peer-id.ts";
import { readReceipt, readRefusal, signReceipt, signRefusal } from "../receipt.ts";
import { readStopStatement, readStopWitness, signStopStatement, signStopWitness } from "../safe-to-stop.ts";
import { auditChunksReply, auditChunksRequest, readAuditStatement, signAuditStatement } from "./audit-chunks.ts";
import { certificatesReply, certificatesRequest } from "./certificates.ts";
import { compareChunksReply, compareChunksRequest } from "./compare-chunks.ts";
import { exchangeRecordsReply, exchangeRecordsRequest } from "./exchange-records.ts";
import { getChunksReply, getChunksRequest } from "./get-chunks.ts";
import { readGoodbye, signGoodbye } from "./goodbye.ts";
import { hasChunksReply, hasChunksRequest } from "./has-chunks.ts";
import { heartbeatSession } from "./heartbeat-session.ts";
import { leaverChunksReply, leaverChunksRequest } from "./leaver-chunks.ts";
import { listChunksReply, listChunksRequest } from "./list-chunks.ts";
import { voteReply, voteRequest } from "./membership-votes.ts";
import { owedChunksReply, owedChunksRequest } from "./owed-chunks.ts";
import { putChunksReply, putChunksRequest } from "./put-chunks.ts";
import { stopWitnessReply, stopWitnessRequest } from "./stop-witness.ts";
import { sights, suspicions } from "./suspicions.ts";
import { wrongBytesReply, wrongBytesRequest } from "./wrong-bytes.ts";

const address = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const key = signingKeyFromSeed(new Uint8Array(32).fill(1));
const peer = peerIdFromPublicKey(key.publicKey);
const genesis = createGenesis({ name: "x", copies: { min: 1, target: 2, max: 3 }, placeUnit: 1, createdAt: 0 }, key);
const { networkId } = genesis;
const wallMs = 1_800_000_000_000;
const draft = { addresses: [], domain: { region: "", zone: "", host: "" }, software: "", startCounter: 1, sequence: 1, signedAtMs: 1 };
const vault = { key, capacity: 1, used: 0, chunks: 0, state: "active", wallet: null } as const;
const record = createNodeRecord(networkId, key, { ...draft, vaults: [vault] }).bytes;
const chunks = [address(1)];
const head = { peerId: peer, startCounter: 1, sequence: 2 };
const goodbye = signGoodbye(networkId, key, { startCounter: 1, sequence: 1, departure: { kind: "leaving" } });
const proof = { statement: new Uint8Array(40), witness: new Uint8Array(50), leftAtMs: 7 };
const goodbyeWithProof = signGoodbye(networkId, key, { startCounter: 1, sequence: 1, departure: { kind: "leaving", proof } });
const range = { from: new Uint8Array(0), to: new Uint8Array(2), fingerprint: new Uint8Array(16) };
const audited = { nonce: new Uint8Array(32), auditor: peer, node: peer };
const founding = signAsOwner(genesis, key, { sequence: 1, previous: networkId, joining: [peer], leaving: [] });
const vote = { previous: address(3), round: 4, statement: founding.statement };
const admin = { method: "POST", path: "/", body: new Uint8Array(0) };
const gate = () => ({ networkId, adminKey: key.publicKey, node: peer, nonces: createNonceCache(), wallMs });
const digests = { membership: new Uint8Array(32), inventory: new Uint8Array(32) };
const figures = { startCounter: 1, count: 1, stayers: 4, short: 0, bytesLeft: 0, estimateSeconds: 0, statedAtMs: 1 };
const stated = { ...digests, ...figures, purpose: "removal" } as const;
const witnessed = { ...digests, statement: new Uint8Array(32), count: 1, short: 0, audited: 1, failed: 0, statedAtMs: 1 };

type Decoder = { readonly name: string; readonly valid: readonly Uint8Array[]; decode(bytes: Uint8Array): { readonly ok: boolean } };
const message = <T>(name: string, schema: z.ZodType<T>, ...values: readonly T[]): Decoder => ({
  name,
  valid: values.map((value) => encodeMessage(schema, value)),
  decode: (bytes) => {
    const decoded: Decoded<T> = decodeMessage(schema, bytes);
    // What a schema leaves out is unknown fields; what remains is encoded as it came or is shorter.
    if (decoded.ok) assert.ok(encodeMessage(schema, decoded.value).length <= bytes.length);
    return decoded;
  },
});

const decoders: readonly Decoder[] = [
  message("list request", listChunksRequest, { after: new Uint8Array(0) }, { after: new Uint8Array(32) }),
  message("list reply", listChunksReply, { chunks: new Uint8Array(64), more: true }),
  {
    name: "stop statement",
    valid: [signStopStatement(networkId, key, stated)],
    decode: (bytes) => readStopStatement(networkId, bytes),
  },
  {
    name: "stop witness",
    valid: [signStopWitness(networkId, key, witnessed)],
    decode: (bytes) => readStopWitness(networkId, bytes),
  },
  message("owed request", owedChunksRequest, { startCounter: 3 }),
  message("owed reply", owedChunksReply, { looked: true, owed: 7 }, { looked: false, owed: 0 }),
  message("put request", putChunksRequest, { grant: null, groups: [{ vault: address(2), chunks }] }),
  message("put reply", putChunksReply, {
    groups: [
      { vault: address(2), receipt: new Uint8Array(9), refused: [{ chunk: address(1), reason: "full" }], refusals: [new Uint8Array(3)] },
    ],
  }),
  message("get request", getChunksRequest, { chunks }),
  message(
    "get reply",
    getChunksReply,
    { found: chunks, missing: [{ chunk: address(3), reason: "not-held" }] },
    { found: [], missing: [{ chunk: address(3), reason: "not-held" }], elsewhere: [{ chunk: address(3), peer }] },
  ),
  message("has request", hasChunksRequest, { chunks, receipts: true }),
  message("wrong-bytes request", wrongBytesRequest, { grant: new Uint8Array(9), peer, chunk: address(1) }),
  message("wrong-bytes reply", wrongBytesReply, { challenged: true }),
  message("has request of a sender", hasChunksRequest, { chunks, receipts: false, sending: true }),
  message("has reply to a sender", hasChunksReply, { held: [], receipts: [], coming: [address(1)] }),
  message("has reply with pointers", hasChunksReply, { held: [], receipts: [], elsewhere: [{ chunk: address(1), peer }] }),
  message(
    "leaver request",
    leaverChunksRequest,
    { kind: "inventory" },
    {
      kind: "ranges",
      leaver: peer,
      other: null,
      ranges: [{ from: new Uint8Array(0), to: new Uint8Array(2), fingerprint: new Uint8Array(16) }],
    },
  ),
  message(
    "leaver reply",
    leaverChunksReply,
    { kind: "inventory", count: 3, inventory: new Uint8Array(32), around: [peer] },
    {
      kind: "ranges",
      found: { placement: new Uint8Array(8), considered: 1, lists: [{ range: 0, chunks: new Uint8Array(32) }], splits: [] },
    },
  ),
  message("stop-witness request", stopWitnessRequest, { statement: new Uint8Array(300) }),
  message(
    "stop-witness reply",
    stopWitnessReply,
    { kind: "working" },
    { kind: "signed", word: new Uint8Array(300) },
    { kind: "declined", why: "other-turn" },
  ),
  message("audit request", auditChunksRequest, { nonce: new Uint8Array(32), chunks }),
  message("audit reply", auditChunksReply, { statements: [new Uint8Array(9)], missing: chunks, later: [] }),
  message("compare request", compareChunksRequest, { ranges: [range] }, { ranges: [range, { ...range, to: new Uint8Array(32) }] }),
  message("compare reply", compareChunksReply, {
    placement: new Uint8Array(8),
    considered: 2,
    lists: [{ range: 0, chunks: new Uint8Array(64) }],
    splits: [{ range: 1, bounds: [new Uint8Array(1)], fingerprints: new Uint8Array(32) }],
  }),
  message("has reply", hasChunksReply, { held: [{ chunk: address(1), vault: address(2), size: 3 }], receipts: [new Uint8Array(9)] }),
  message(
    "exchange request",
    exchangeRecordsRequest,
    { kind: "push", records: [record] },
    { kind: "summary", fingerprints: new Uint8Array(16) },
    { kind: "heads", bucketCount: 4, buckets: [0, 3], heads: [head] },
  ),
  message("exchange reply", exchangeRecordsReply, { differing: [1], records: [record], more: true, wanted: [peer] }),
  message("suspicions", suspicions, { sightings: sights.map((sight) => ({ peer, sight })) }),
  message("heartbeat session", heartbeatSession, { secret: new Uint8Array(32), port: 4003, session: 0xffff_ffff }),
  message("certificates request", certificatesRequest, { known: chunks, grant: new Uint8Array(200) }, { known: [], grant: null }),
  message("certificates reply", certificatesReply, { certificates: [founding.bytes], head: founding.id, sequence: 1 }),
  message(
    "vote request",
    voteRequest,
    { ...vote, step: "prepare", grants: [{ node: peer, grant: new Uint8Array(9) }], earlier: null },
    { ...vote, step: "accept", grants: [], earlier: { node: peer, signature: new Uint8Array(64), round: 2 } },
  ),
  message(
    "vote reply",
    voteReply,
    { kind: "promised", before: { round: 2, statement: founding.statement, signature: new Uint8Array(64) }, agrees: false },
    { kind: "promised", before: null, agrees: true },
    { kind: "signed", signature: new Uint8Array(64) },
    { kind: "outbid", round: 9 },
    { kind: "elsewhere", head: address(3), sequence: 4 },
    { kind: "declined", why: "unconvinced" },
  ),
  { name: "certificate", valid: [founding.bytes], decode: (bytes) => readCertificate(networkId, bytes) },
  { name: "genesis", valid: [genesis.bytes], decode: readGenesis },
  {
    name: "grant",
    valid: [createGrant(genesis, key, { peerId: peer, notAfterMs: 0 })],
    decode: (bytes) => checkGrant(genesis, bytes, peer, 0),
  },
  { name: "node record", valid: [record], decode: (bytes) => readNodeRecord(networkId, bytes, wallMs) },
  {
    name: "receipt",
    valid: [signReceipt(networkId, key, { node: peer, chunks, storedAtMs: 1 })],
    decode: (bytes) => readReceipt(networkId, bytes),
  },
  {
    name: "refusal",
    valid: [signRefusal(networkId, key, { node: peer, chunks, reason: "busy", refusedAtMs: 1 })],
    decode: (bytes) => readRefusal(networkId, bytes),
  },
  {
    name: "audit statement",
    valid: [signAuditStatement(networkId, key, { ...audited, proofs: [{ chunk: address(1), proof: new Uint8Array(32) }] })],
    decode: (bytes) => readAuditStatement(networkId, bytes),
  },
  { name: "goodbye", valid: [goodbye, goodbyeWithProof], decode: (bytes) => readGoodbye(networkId, bytes) },
  {
    name: "admin request",
    valid: [
      Buffer.from(signAdminRequest(networkId, key, admin, { node: peer, nonce: new Uint8Array(16), notAfterMs: wallMs + 1 }), "base64url"),
    ],
    decode: (bytes) => checkAdminRequest(gate(), admin, Buffer.from(bytes).toString("base64url")),
  },
];

for (const { name, valid, decode } of decoders) {
  test(`${name}: valid ones are read, and no bytes make the decoder throw`, () => {
    for (const bytes of valid) assert.ok(decode(new Uint8Array(bytes)).ok);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.equal(decode(bytes).ok, false)),
      { numRuns: 200 },
    );
    const damage = fc.record({
      which: fc.nat(),
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      cut: fc.option(fc.nat()),
      append: fc.uint8Array({ maxLength: 3 }),
    });
    const damaged = fc.property(damage, ({ which, at, byte, cut, append }) => {
      const bytes = Uint8Array.from(valid[which % valid.length] ?? []);
      bytes[at % bytes.length] = byte;
      decode(Uint8Array.from([...bytes.subarray(0, cut === null ? bytes.length : cut % bytes.length), ...append]));
    });
    fc.assert(damaged, { numRuns: 400 });
  });
}

test("any change of a signed statement is refused", () => {
  for (const { name, valid, decode } of decoders.slice(decoders.findIndex((decoder) => decoder.name === "genesis")))
    for (const bytes of valid)
      for (let at = 0; at < bytes.length; at++) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        // A genesis is its own network: another one is another network, and only its signature must hold.
        assert.equal(decode(changed).ok, false, `${name}, byte ${at}`);
      }
});

test("messages over a limit are refused", () => {
  const refuses = <T>(schema: z.ZodType<T>, value: unknown): void => assert.equal(decodeMessage(schema, encodeCanonical(value)).ok, false);
  const wire = new Uint8Array(32);
  refuses(getChunksRequest, { chunks: many(chunksPerMessageMax + 1, wire) });
  refuses(getChunksRequest, { chunks: [] });
  refuses(hasChunksRequest, { chunks: many(addressesPerRequestMax + 1, wire), receipts: false });
  refuses(hasChunksReply, { held: [], receipts: [], coming: many(addressesPerRequestMax + 1, wire) });
  refuses(putChunksRequest, { grant: null, groups: [] });
  refuses(putChunksRequest, { grant: new Uint8Array(513), groups: [{ vault: wire, chunks: [wire] }] });
  refuses(hasChunksReply, { held: [{ chunk: wire, vault: wire, size: 2 ** 22 + 1 }], receipts: [] });
  refuses(exchangeRecordsRequest, { kind: "push", records: [new Uint8Array(nodeRecordMax + 1)] });
  refuses(exchangeRecordsRequest, { kind: "push", records: many(3, new Uint8Array(recordBytesPerMessageMax / 3 + 1)) });
  refuses(exchangeRecordsRequest, { kind: "push", records: many(recordsPerMessageMax + 1, new Uint8Array(1)) });
  refuses(exchangeRecordsRequest, { kind: "summary", fingerprints: new Uint8Array(24) });
  refuses(exchangeRecordsRequest, { kind: "summary", fingerprints: new Uint8Array(0) });
  refuses(exchangeRecordsRequest, { kind: "summary", fingerprints: new Uint8Array(8 * 2048) });
  refuses(exchangeRecordsRequest, { kind: "heads", bucketCount: 3, buckets: [], heads: [] });
  refuses(exchangeRecordsRequest, { kind: "heads", bucketCount: 2048, buckets: [], heads: [] });
  refuses(exchangeRecordsRequest, { kind: "heads", bucketCount: 4, buckets: [], heads: many(recordsPerMessageMax + 1, head) });
  refuses(exchangeRecordsRequest, { kind: "other" });
  refuses(auditChunksRequest, { nonce: wire, chunks: many(auditChunksMax + 1, wire) });
  refuses(auditChunksRequest, { nonce: new Uint8Array(31), chunks: [wire] });
  refuses(auditChunksReply, { statements: [], missing: many(auditChunksMax + 1, wire), later: [] });
  const [none, print] = [new Uint8Array(0), new Uint8Array(16)];
  refuses(compareChunksRequest, { ranges: [] });
  refuses(compareChunksRequest, { ranges: many(compareRangesMax + 1, [none, none, print]) });
  refuses(compareChunksRequest, { ranges: [[new Uint8Array(33), none, print]] });
  refuses(compareChunksRequest, { ranges: [[none, none, new Uint8Array(15)]] });
  const reply = { placement: new Uint8Array(8), considered: 1, lists: [], splits: [] };
  refuses(compareChunksReply, { ...reply, lists: [{ range: 0, chunks: new Uint8Array(compareListsBytesMax + 1) }] });
  refuses(compareChunksReply, { ...reply, lists: [{ range: compareRangesMax, chunks: wire }] });
  refuses(compareChunksReply, { ...reply, splits: [{ range: 0, bounds: [none], fingerprints: print }] });
  refuses(compareChunksReply, { ...reply, splits: [{ range: 0, bounds: many(comparePartsMax, none), fingerprints: none }] });
});

test("the largest exchanges fit a message", () => {
  const largest = { peerId: peer, startCounter: Number.MAX_SAFE_INTEGER, sequence: Number.MAX_SAFE_INTEGER };
  const heads = many(recordsPerMessageMax, largest);
  const buckets = Array.from({ length: 1024 }, (_, i) => i);
  const small = recordBytesPerMessageMax / recordsPerMessageMax;
  const reply = {
    differing: [],
    records: many(recordsPerMessageMax, new Uint8Array(small)),
    more: true,
    wanted: many(recordsPerMessageMax, peer),
  };
  assert.ok(encodeMessage(exchangeRecordsReply, reply).length <= messageBodyMax);
  assert.ok(encodeMessage(exchangeRecordsRequest, { kind: "heads", bucketCount: 1024, buckets, heads }).length <= messageBodyMax);
  assert.ok(encodeMessage(exchangeRecordsReply, { differing: buckets, records: [], more: false, wanted: [] }).length <= messageBodyMax);
});
