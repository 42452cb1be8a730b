// Proves of every list, byte string and number in the messages of peers that the largest is read, fits a message, and is not read with one more; and
// that what must not be empty is not read empty. Method: a table of largest messages, each encoded, grown at one place and read again.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { z } from "zod";
import { type Address, addressFromBytes } from "../address.ts";
import { decodeCanonical, decodeMessage, encodeCanonical, encodeMessage } from "../encoding.ts";
import { signingKeyFromSeed } from "../keys.ts";
import * as limits from "../limits.ts";
import { peerIdFromPublicKey } from "../peer-id.ts";
import { auditChunksReply, auditChunksRequest } from "./audit-chunks.ts";
import { certificatesPerMessageMax, certificatesReply, certificatesRequest, knownIdsMax } from "./certificates.ts";
import { compareChunksReply, compareChunksRequest } from "./compare-chunks.ts";
import { exchangeRecordsReply, exchangeRecordsRequest } from "./exchange-records.ts";
import { getChunksReply, getChunksRequest } from "./get-chunks.ts";
import { hasChunksReply, hasChunksRequest } from "./has-chunks.ts";
import { heartbeatSession } from "./heartbeat-session.ts";
import { leaverChunksReply, leaverChunksRequest } from "./leaver-chunks.ts";
import { listChunksReply, listChunksRequest } from "./list-chunks.ts";
import { putChunksReply, putChunksRequest } from "./put-chunks.ts";
import { sightingsPerMessageMax, suspicions } from "./suspicions.ts";
import { wrongBytesRequest } from "./wrong-bytes.ts";

const { addressesPerRequestMax, auditChunksMax, chunksPerMessageMax, compareRangesMax, vaultsPerNodeMax } = limits;
const { inventoryPageItems, leaverAroundMax, receiptSizeMax, recordBucketsMax, recordsPerMessageMax } = limits;
const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(1)).publicKey);
const address: Address = addressFromBytes(new Uint8Array(32).fill(1));
const bytes = (length: number): Uint8Array => new Uint8Array(length);
const times = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
const range = { from: bytes(32), to: bytes(32), fingerprint: bytes(16) };
const elsewhere = { chunk: address, peer };
const refused = { chunk: address, reason: "full" as const };
const group = { vault: address, receipt: null, refused: [], refusals: [] };

/** A largest message, and the places where it is largest. */
type Row = readonly [name: string, schema: z.ZodType, largest: unknown, ...places: readonly string[]];
function row<T>(name: string, schema: z.ZodType<T>, largest: T, ...places: readonly string[]): Row {
  return [name, schema, largest, ...places];
}

const held = times(addressesPerRequestMax, { chunk: address, vault: address, size: limits.chunkSizeMax });
const rows: readonly Row[] = [
  row(
    "put",
    putChunksRequest,
    { grant: bytes(512), groups: [{ vault: address, chunks: times(chunksPerMessageMax, address) }] },
    "grant",
    "groups.0.chunks",
  ),
  row(
    "put, of all vaults",
    putChunksRequest,
    { grant: null, groups: times(vaultsPerNodeMax, { vault: address, chunks: [address] }) },
    "groups",
  ),
  row("put's reply", putChunksReply, { groups: times(vaultsPerNodeMax, group) }, "groups"),
  row(
    "put's reply, of one vault",
    putChunksReply,
    {
      groups: [
        { vault: address, receipt: bytes(receiptSizeMax), refused: times(chunksPerMessageMax, refused), refusals: times(8, bytes(1)) },
      ],
    },
    ...["groups.0.receipt", "groups.0.refused", "groups.0.refusals"],
  ),
  row("put's reply, refused", putChunksReply, { groups: [{ ...group, refusals: [bytes(receiptSizeMax)] }] }, "groups.0.refusals.0"),
  row("get", getChunksRequest, { chunks: times(chunksPerMessageMax, address) }, "chunks"),
  row(
    "get's reply",
    getChunksReply,
    {
      found: times(chunksPerMessageMax, address),
      missing: times(chunksPerMessageMax, { chunk: address, reason: "damaged" as const }),
      elsewhere: times(chunksPerMessageMax, elsewhere),
    },
    ...["found", "missing", "elsewhere"],
  ),
  row("has", hasChunksRequest, { chunks: times(addressesPerRequestMax, address), receipts: true }, "chunks"),
  row("has's reply", hasChunksReply, { held, receipts: times(vaultsPerNodeMax, bytes(1)) }, "held", "held.0.size", "receipts"),
  row("has's reply, signed", hasChunksReply, { held: [], receipts: [bytes(receiptSizeMax)] }, "receipts.0"),
  row(
    "has's reply, not held",
    hasChunksReply,
    { held: [], receipts: [], elsewhere: times(addressesPerRequestMax, elsewhere) },
    "elsewhere",
  ),
  row("has's reply, coming", hasChunksReply, { held: [], receipts: [], coming: times(addressesPerRequestMax, address) }, "coming"),
  row("audit", auditChunksRequest, { nonce: bytes(32), chunks: times(auditChunksMax, address) }, "nonce", "chunks"),
  row(
    "audit's reply",
    auditChunksReply,
    { statements: times(auditChunksMax, bytes(1)), missing: times(auditChunksMax, address), later: times(auditChunksMax, address) },
    ...["statements", "missing", "later"],
  ),
  row("compare", compareChunksRequest, { ranges: times(compareRangesMax, range) }, "ranges", "ranges.0.0", "ranges.0.2"),
  row(
    "compare's reply",
    compareChunksReply,
    {
      placement: bytes(8),
      considered: compareRangesMax,
      lists: times(compareRangesMax, { range: compareRangesMax - 1, chunks: bytes(32) }),
      splits: times(compareRangesMax, { range: compareRangesMax - 1, bounds: [bytes(32)], fingerprints: bytes(32) }),
    },
    ...["placement", "considered", "lists", "lists.0.range", "splits", "splits.0.range", "splits.0.bounds.0", "splits.0.fingerprints"],
  ),
  row("push", exchangeRecordsRequest, { kind: "push", records: times(recordsPerMessageMax, bytes(1)) }, "records"),
  row(
    "push, of large records",
    exchangeRecordsRequest,
    { kind: "push", records: times(2, bytes(limits.nodeRecordMax)) },
    "records",
    "records.0",
  ),
  row(
    "push, of as many bytes as go",
    exchangeRecordsRequest,
    { kind: "push", records: times(4, bytes(limits.recordBytesPerMessageMax / 4)) },
    "records.0",
  ),
  row(
    "heads",
    exchangeRecordsRequest,
    {
      kind: "heads",
      bucketCount: recordBucketsMax,
      buckets: times(recordBucketsMax, recordBucketsMax - 1),
      heads: times(recordsPerMessageMax, { peerId: peer, startCounter: 1, sequence: 1 }),
    },
    ...["bucketCount", "buckets", "buckets.0", "heads"],
  ),
  row("summary", exchangeRecordsRequest, { kind: "summary", fingerprints: bytes(recordBucketsMax * 8) }, "fingerprints"),
  row(
    "exchange's reply",
    exchangeRecordsReply,
    { differing: times(recordBucketsMax, 1), records: [], more: false, wanted: times(recordsPerMessageMax, peer) },
    ...["differing", "wanted"],
  ),
  row("suspicions", suspicions, { sightings: times(sightingsPerMessageMax, { peer, sight: "live" }) }, "sightings"),
  row("list", listChunksRequest, { after: bytes(32) }, "after"),
  row("list's reply", listChunksReply, { chunks: bytes(inventoryPageItems * 32), more: true }, "chunks"),
  row("leaver", leaverChunksRequest, { kind: "ranges", leaver: peer, other: null, ranges: times(compareRangesMax, range) }, "ranges"),
  row(
    "leaver's reply",
    leaverChunksReply,
    { kind: "inventory", count: Number.MAX_SAFE_INTEGER, inventory: bytes(32), around: times(leaverAroundMax, peer) },
    ...["inventory", "around"],
  ),
  row("certificates", certificatesRequest, { known: times(knownIdsMax, address), grant: bytes(256) }, "known", "grant"),
  row(
    "certificates' reply",
    certificatesReply,
    { certificates: times(certificatesPerMessageMax, bytes(1)), head: address, sequence: 1 },
    "certificates",
  ),
  row("wrong bytes", wrongBytesRequest, { grant: bytes(512), peer, chunk: address }, "grant"),
  row("session", heartbeatSession, { secret: bytes(32), port: 65_535, session: 0xffff_ffff }, "secret", "port", "session"),
];

/** The plain value with one more at `place`. */
function grown(plain: unknown, place: string): unknown {
  const [head, ...rest] = place.split(".");
  if (head === undefined || head === "") return oneMore(plain);
  if (Array.isArray(plain)) return plain.map((value: unknown, index) => (index === Number(head) ? grown(value, rest.join(".")) : value));
  return { ...(plain as object), [head]: grown(Reflect.get(plain as object, head), rest.join(".")) };
}

function oneMore(value: unknown): unknown {
  if (Array.isArray(value)) return [...value, value.at(-1)];
  if (value instanceof Uint8Array) return bytes(value.length + 1);
  return typeof value === "number" ? value + 1 : assert.fail(`nothing to grow: ${String(value)}`);
}

/** What becomes of a plain value as a message: "read", or the code of its refusal. */
function verdictOn(schema: z.ZodType, plain: unknown): string {
  const decoded = decodeMessage(schema, encodeCanonical(plain));
  return decoded.ok ? "read" : decoded.code;
}

for (const [name, schema, largest, ...places] of rows)
  test(`${name}: the largest is read and fits a message, one more is not read: ${places.join(", ")}`, () => {
    const encoded = encodeMessage(schema, largest);
    assert.ok(encoded.length <= limits.messageBodyMax, `${encoded.length} bytes`);
    assert.ok(decodeMessage(schema, encoded).ok);
    const plain = decodeCanonical(encoded);
    assert.ok(plain.ok);
    for (const place of places) {
      assert.equal(verdictOn(schema, grown(plain.value, place)), "wrong-shape", place);
    }
  });

test("what must name something is not read empty, and a hash or a nonce not short", () => {
  const cases: readonly (readonly [z.ZodType, unknown])[] = [
    [putChunksRequest, { grant: null, groups: [] }],
    [putChunksRequest, { grant: null, groups: [{ vault: bytes(32), chunks: [] }] }],
    [getChunksRequest, { chunks: [] }],
    [getChunksRequest, { chunks: [bytes(31)] }],
    [hasChunksRequest, { chunks: [], receipts: true }],
    [auditChunksRequest, { nonce: bytes(32), chunks: [] }],
    [auditChunksRequest, { nonce: bytes(31), chunks: [bytes(32)] }],
    [compareChunksRequest, { ranges: [] }],
    [compareChunksRequest, { ranges: [[bytes(32), bytes(32), bytes(15)]] }],
    [hasChunksReply, { held: [{ chunk: bytes(32), vault: bytes(32), size: 0 }], receipts: [] }],
    [listChunksRequest, { after: bytes(31) }],
    [listChunksReply, { chunks: bytes(33), more: false }],
    [exchangeRecordsRequest, { kind: "summary", fingerprints: bytes(24) }],
    [exchangeRecordsRequest, { kind: "summary", fingerprints: bytes(0) }],
    [exchangeRecordsRequest, { kind: "heads", bucketCount: 3, buckets: [], heads: [] }],
    [heartbeatSession, { secret: bytes(31), port: 1, session: 1 }],
  ];
  for (const [schema, plain] of cases) assert.equal(verdictOn(schema, plain), "wrong-shape", JSON.stringify(plain));
});
