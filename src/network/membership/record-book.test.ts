// Proves that the book keeps the newest record of each node, judges equal bytes once, and that fingerprints differ exactly
// in the buckets where two books do.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { createNodeRecord, type NodeRecord } from "../../protocol/node-record.ts";
import { createRecentVerdicts } from "./recent-verdicts.ts";
import { createRecordBook, type RecordBook } from "./record-book.ts";

const networkId: Address = addressFromBytes(new Uint8Array(32).fill(1));
const recordOf = (node: number, startCounter: number, sequence: number, signedAtMs = 0): NodeRecord => {
  const domain = { region: "", zone: "", host: "" };
  const draft = { addresses: [], domain, software: "", startCounter, sequence, signedAtMs, vaults: [] };
  return createNodeRecord(networkId, signingKeyFromSeed(new Uint8Array(32).fill(node)), draft);
};
const offer = (book: RecordBook, record: NodeRecord, wallMs = 0): string => {
  const verdict = book.judge(record.bytes, wallMs);
  if (verdict.kind === "fresh") book.put(verdict.record);
  return verdict.kind === "refused" ? verdict.reason : verdict.kind;
};

test("new, known, stale and newer records are told apart", () => {
  const book = createRecordBook(networkId);
  assert.equal(offer(book, recordOf(1, 1, 2)), "fresh");
  assert.equal(offer(book, recordOf(1, 1, 2)), "known");
  assert.equal(offer(book, recordOf(1, 1, 1)), "stale");
  assert.equal(offer(book, recordOf(1, 1, 1)), "stale");
  assert.equal(offer(book, recordOf(1, 2, 0)), "fresh");
  assert.equal(offer(book, recordOf(1, 1, 2)), "stale");
  assert.equal(book.get(recordOf(1, 1, 1).peerId)?.startCounter, 2);
});

test("a record judged new but not put is new again", () => {
  const book = createRecordBook(networkId);
  book.put(recordOf(1, 1, 1));
  assert.equal(book.judge(recordOf(1, 1, 2).bytes, 0).kind, "fresh");
  assert.equal(book.judge(recordOf(1, 1, 2).bytes, 0).kind, "fresh");
});

test("a record from the future is refused until its time comes, garbage for ever", () => {
  const book = createRecordBook(networkId);
  const future = recordOf(1, 1, 1, 1_000_000);
  assert.equal(offer(book, future), "future");
  assert.equal(offer(book, future, 1_000_000), "fresh");
  assert.deepEqual(
    [1, 2].map(() => book.judge(new Uint8Array(5), 0).kind),
    ["refused", "refused"],
  );
});

test("a full book takes newer records of those it knows and no others", () => {
  const book = createRecordBook(networkId, { nodesMax: 2 });
  assert.deepEqual(
    [recordOf(1, 1, 1), recordOf(2, 1, 1), recordOf(3, 1, 1), recordOf(1, 1, 2)].map((record) => offer(book, record)),
    ["fresh", "fresh", "full", "fresh"],
  );
});

test("fingerprints differ exactly where the heads of a bucket do", () => {
  const records = Array.from({ length: 12 }, (_, node) => recordOf(node + 1, 1, 1));
  const others = Array.from({ length: 12 }, (_, node) => recordOf(node + 1, 1, 2));
  const side = fc.array(fc.constantFrom<"none" | "old" | "new">("none", "old", "new"), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 0, max: 4 }), (left, right, bits) => {
      const bucketCount = 2 ** bits;
      const [a, b] = [left, right].map((states) => {
        const book = createRecordBook(networkId);
        states.forEach((state, i) => {
          const record = (state === "old" ? records : others)[i];
          if (state !== "none" && record !== undefined) book.put(record);
        });
        return book;
      });
      assert.ok(a !== undefined && b !== undefined);
      const [fa, fb] = [a.fingerprints(bucketCount), b.fingerprints(bucketCount)];
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        const heads = (book: RecordBook): string =>
          JSON.stringify([...book.heads(bucketCount, new Set([bucket]))].sort((x, y) => (x.peerId < y.peerId ? -1 : 1)));
        const at = [bucket * 8, bucket * 8 + 8] as const;
        assert.equal(equalBytes(fa.subarray(...at), fb.subarray(...at)), heads(a) === heads(b));
        assert.deepEqual(a.headsByBucket(bucketCount).get(bucket) ?? [], a.heads(bucketCount, new Set([bucket])));
      }
    }),
    { numRuns: 100 },
  );
});

test("recent verdicts keep the last ones in bounded room", () => {
  const recent = createRecentVerdicts<number>(10);
  for (let i = 0; i < 100; i++) recent.set(`${i}`, i);
  for (let i = 90; i < 100; i++) assert.equal(recent.get(`${i}`), i);
  assert.equal(Array.from({ length: 100 }, (_, i) => recent.get(`${i}`)).filter((found) => found !== undefined).length <= 20, true);
});
