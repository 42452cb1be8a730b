// Proves that two nodes find exactly what only one of them has, whatever the sets, with the bytes of a few differences and
// not of all chunks; and that a peer that cuts answers, forges, lies or leads on is caught at a bounded cost. Method: both
// sides in one process without a network, against plain set difference.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Address, addressBytes, addressFromBytes } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { hash } from "../../protocol/hash.ts";
import { compareRangesMax, messageBodyMax } from "../../protocol/limits.ts";
import {
  type AddressRange,
  type CompareChunksReply,
  compareChunksReply,
  compareChunksRequest,
  type FingerprintedRange,
} from "../../protocol/messages/compare-chunks.ts";
import { createAddressPages } from "./address-pages.ts";
import { answerRanges, rangesFault } from "./compare-answer.ts";
import { type ComparisonFault, createComparison, type Differences } from "./comparison.ts";
import { fingerprintOf } from "./range-sum.ts";
import { reconciliationLimits as limits } from "./reconciliation-limits.ts";
import type { SharedSet } from "./shared-chunks.ts";

const theOther = 1;
const everything: AddressRange = { from: new Uint8Array(0), to: new Uint8Array(0) };
const placement = new Uint8Array(8);

function sharedSet(addresses: Iterable<Uint8Array>): SharedSet {
  const pages = createAddressPages(4);
  for (const address of addresses) pages.insert(address, [7, theOther]);
  return {
    count: () => pages.countOf(theOther),
    sum: (range) => pages.sum(theOther, range),
    list: (range, max) => pages.list(theOther, range, max),
    split: (range, cut) => pages.split(theOther, range, cut),
  };
}

const numbered = (number: number): Uint8Array => hash(new TextEncoder().encode(String(number)));
const range = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, index) => numbered(from + index));

type Run = { readonly fault?: ComparisonFault; readonly found: Differences; readonly bytes: number; readonly messages: number };
type Answerer = (ranges: readonly FingerprintedRange[]) => Pick<CompareChunksReply, "considered" | "lists" | "splits">;

/** A whole comparison through the real encoding. */
function run(mine: SharedSet, answerer: Answerer, messagesMax = 500): Run {
  const comparison = createComparison(mine, 0.37, limits);
  let [bytes, messages] = [0, 0];
  for (let ranges = comparison.next(); ranges.length > 0 && messages < messagesMax; ranges = comparison.next()) {
    const asked = encodeMessage(compareChunksRequest, { ranges });
    const request = decodeMessage(compareChunksRequest, asked);
    assert.ok(request.ok && rangesFault(request.value.ranges) === undefined);
    const answered = encodeMessage(compareChunksReply, { placement, ...answerer(request.value.ranges) });
    const reply = decodeMessage(compareChunksReply, answered);
    assert.ok(reply.ok);
    assert.ok(asked.length <= messageBodyMax && answered.length <= messageBodyMax);
    bytes += asked.length + answered.length;
    messages += 1;
    const fault = comparison.take(reply.value);
    if (fault !== undefined) return { fault, found: comparison.differences(), bytes, messages };
  }
  return { found: comparison.differences(), bytes, messages };
}

const honest =
  (set: SharedSet): Answerer =>
  (ranges) =>
    answerRanges(set, ranges, limits);
const sorted = (addresses: Iterable<Address>): Address[] => [...addresses].sort();

function assertDifferences(mine: readonly Uint8Array[], theirs: readonly Uint8Array[]): Run {
  const [a, b] = [new Set(mine.map(addressFromBytes)), new Set(theirs.map(addressFromBytes))];
  const outcome = run(sharedSet(mine), honest(sharedSet(theirs)));
  assert.equal(outcome.fault, undefined);
  assert.deepEqual(
    sorted(outcome.found.onlyMine),
    sorted(a).filter((one) => !b.has(one)),
  );
  assert.deepEqual(
    sorted(outcome.found.onlyTheirs),
    sorted(b).filter((one) => !a.has(one)),
  );
  return outcome;
}

describe("two honest nodes", () => {
  // Addresses that agree in all but their last bytes as well as such that are far apart.
  const address = fc.oneof(
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.uint8Array({ minLength: 2, maxLength: 2 }).map((tail) => Uint8Array.from([...new Uint8Array(30).fill(255), ...tail])),
    fc.nat(1500).map(numbered),
  );
  it("find the plain set difference, whatever the sets", () => {
    fc.assert(
      fc.property(
        fc.array(address, { maxLength: 600, size: "max" }),
        fc.array(address, { maxLength: 600, size: "max" }),
        fc.boolean(),
        (mine, theirs, alike) => {
          assertDifferences(mine, alike ? [...mine, ...theirs.slice(0, 5)] : theirs);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("find it where one has nothing, or both the same", () => {
    assertDifferences([], range(0, 3000));
    assertDifferences(range(0, 3000), []);
    assertDifferences([], []);
    assert.equal(assertDifferences(range(0, 3000), range(0, 3000)).messages, 1);
  });

  it("exchange bytes for the differences, not for the chunks", () => {
    const few = assertDifferences(range(5, 3_000), range(0, 2_995));
    const many = assertDifferences(range(5, 48_000), range(0, 47_995));
    assert.ok(many.bytes < 2 * few.bytes, `${few.bytes} bytes among 3,000, ${many.bytes} among 48,000`);
    assert.ok(many.messages <= 4, `${many.messages} messages`);
  });
});

describe("pages of addresses", () => {
  it("have the sums, lists and cuts of a plain sorted list, after any insertions and removals", () => {
    const step = fc.tuple(fc.boolean(), fc.nat(900), fc.nat(3));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2500, size: "max" }), fc.nat(900), fc.nat(900), (steps, a, b) => {
        const pages = createAddressPages(2);
        const plain = new Map<Address, number[]>();
        for (const [put, number, peer] of steps) {
          const item = numbered(number);
          const peers = peer === 0 ? [] : peer === 3 ? [1, 2] : [peer];
          if (put) pages.insert(item, peers);
          else pages.remove(item);
          if (put) plain.set(addressFromBytes(item), peers);
          else plain.delete(addressFromBytes(item));
          // Sums are asked for on the way too, so that those kept are kept in step.
          if (number % 97 === 0) pages.sum(1, everything);
        }
        const [from, to] = [numbered(a), numbered(b)].sort(Buffer.compare) as [Uint8Array, Uint8Array];
        const inRange = sorted(plain.keys()).filter((text) => text >= addressFromBytes(from) && text < addressFromBytes(to));
        const wanted = inRange.filter((text) => plain.get(text)?.includes(1)).map(addressBytes);
        assert.equal(pages.size(), plain.size);
        assert.equal(pages.countOf(1), [...plain.values()].filter((peers) => peers.includes(1)).length);
        assert.deepEqual(pages.list(1, { from, to }, 1000), wanted);
        assert.deepEqual(fingerprintOf(pages.sum(1, { from, to })), fingerprintOf(sharedSet(wanted).sum(everything)));
        const parts = pages.split(1, { from, to }, { parts: 16, firstShare: 0.5 });
        assert.ok(parts.length <= 16);
        assert.deepEqual(
          parts.flatMap((part) => pages.list(1, part, 1000)),
          wanted,
        );
        assert.deepEqual([parts[0]?.from, parts.at(-1)?.to], [from, to]);
        for (const part of parts) assert.deepEqual(fingerprintOf(part.sum), fingerprintOf(pages.sum(1, part)));
      }),
      { numRuns: 60 },
    );
  });

  it("stop a refresh halfway, and give every address its new peers in a whole one", async () => {
    const pages = createAddressPages(1);
    for (const item of range(0, 1000)) pages.insert(item, [1]);
    assert.equal(
      await pages.refresh(
        () => [2],
        async () => false,
      ),
      false,
    );
    assert.ok(pages.countOf(1) > 0 && pages.countOf(2) > 0);
    assert.equal(
      await pages.refresh(
        () => [2],
        async () => true,
      ),
      true,
    );
    assert.deepEqual([pages.countOf(1), pages.countOf(2)], [0, 1000]);
    assert.equal(pages.sum(2, everything).count, 1000);
  });
});

describe("a fingerprint", () => {
  it("depends on the addresses and their number, not on their order", () => {
    const [a, b] = [sharedSet(range(0, 500)), sharedSet(range(0, 500).reverse())];
    assert.deepEqual(fingerprintOf(a.sum(everything)), fingerprintOf(b.sum(everything)));
    // Equal sums, other counts: nothing, and the address of zeros.
    assert.notDeepEqual(fingerprintOf(sharedSet([]).sum(everything)), fingerprintOf(sharedSet([new Uint8Array(32)]).sum(everything)));
  });
});

describe("a peer that breaks the protocol", () => {
  const mine = sharedSet(range(0, 2000));
  const theirs = sharedSet(range(10, 2010));
  const tampered = (change: (reply: ReturnType<Answerer>, ranges: readonly FingerprintedRange[]) => ReturnType<Answerer>): Run =>
    run(mine, (ranges) => change(answerRanges(theirs, ranges, limits), ranges), 40);

  it("is caught where it considers nothing, or more than was asked", () => {
    assert.equal(tampered((reply) => ({ ...reply, considered: 0 })).fault?.code, "malformed");
    assert.equal(tampered((reply) => ({ ...reply, considered: compareRangesMax })).fault?.code, "malformed");
  });

  it("is caught where it answers twice, or a range beyond those it considered", () => {
    const list = { range: 0, chunks: new Uint8Array(0) };
    assert.equal(tampered((reply) => ({ ...reply, splits: [], lists: [list, list] })).fault?.code, "malformed");
    assert.equal(tampered((reply) => ({ ...reply, considered: 1, splits: [], lists: [{ ...list, range: 3 }] })).fault?.code, "malformed");
  });

  it("is caught where a list was cut short within an address, is too long, out of order or of another range", () => {
    const withList = (chunks: Uint8Array): Run => tampered((reply) => ({ ...reply, splits: [], lists: [{ range: 5, chunks }] }));
    const [zero, one] = [new Uint8Array(32), new Uint8Array(32).fill(1)];
    for (const chunks of [zero.subarray(1), zero, Buffer.concat([one, one]), new Uint8Array(33 * 32)])
      assert.equal(withList(chunks).fault?.code, "malformed");
  });

  it("is caught where it cuts a range outside of it", () => {
    for (const bound of [new Uint8Array(0), new Uint8Array(32).fill(255)])
      assert.equal(
        tampered((reply) => ({ ...reply, lists: [], splits: [{ range: 3, bounds: [bound], fingerprints: new Uint8Array(32) }] })).fault
          ?.code,
        "malformed",
      );
  });

  it("is given up where it cuts on and on without an end", () => {
    // Always the last range, just behind its beginning, with fingerprints of nothing known.
    const leadOn: Answerer = (ranges) => {
      const last = ranges.length - 1;
      const bound = Buffer.concat([ranges[last]?.from ?? new Uint8Array(0), new Uint8Array(32)]).subarray(0, 32);
      bound[31] = (bound[31] ?? 0) + 1;
      return { considered: ranges.length, lists: [], splits: [{ range: last, bounds: [bound], fingerprints: new Uint8Array(32) }] };
    };
    const outcome = run(sharedSet(range(0, 40)), leadOn, 60);
    assert.equal(outcome.fault?.code, "not-converged");
    assert.ok(outcome.messages <= limits.depthMax + 2);
  });

  it("cannot make an answer refer to ranges that overlap, descend or end before they begin", () => {
    const at = (from: number, to: number): FingerprintedRange => ({
      from: Uint8Array.of(from),
      to: Uint8Array.of(to),
      fingerprint: new Uint8Array(16),
    });
    assert.equal(rangesFault([at(1, 2), at(2, 3), at(9, 10)]), undefined);
    for (const ranges of [
      [at(1, 3), at(2, 4)],
      [at(5, 6), at(1, 2)],
      [at(2, 2)],
      [at(3, 2)],
      [{ ...at(0, 0), to: new Uint8Array(0) }, at(1, 2)],
    ])
      assert.notEqual(rangesFault(ranges), undefined);
  });

  it("gets answers within the size of a message, however much it asks for", () => {
    const ranges = Array.from({ length: compareRangesMax }, (_, index) => ({
      from: Uint8Array.of(index >> 1, (index & 1) << 7),
      to: index === compareRangesMax - 1 ? new Uint8Array(0) : Uint8Array.of((index + 1) >> 1, ((index + 1) & 1) << 7),
      fingerprint: new Uint8Array(16),
    }));
    for (const size of [10_000, 60_000]) {
      const reply = answerRanges(sharedSet(range(0, size)), ranges, limits);
      assert.ok(reply.considered > 0);
      assert.ok(encodeMessage(compareChunksReply, { placement, ...reply }).length <= messageBodyMax);
    }
  });
});

describe("differences", () => {
  it("are no more than a comparison brings home, where one node has nothing of very many", () => {
    const many = range(0, 3 * limits.differencesMax);
    const mine = sharedSet(many);
    const empty = run(mine, honest(sharedSet([])));
    assert.equal(empty.fault, undefined);
    assert.ok(empty.found.onlyMine.length >= limits.differencesMax, `${empty.found.onlyMine.length} found`);
    assert.ok(empty.found.onlyMine.length <= limits.differencesMax + limits.listItemsMax, `${empty.found.onlyMine.length} found`);
    // What is beyond is left for the next one, and nothing that both have is taken for a difference.
    const few = many.slice(0, 40);
    const { onlyMine, onlyTheirs } = run(mine, honest(sharedSet(few))).found;
    assert.deepEqual([onlyTheirs, few.map(addressFromBytes).filter((address) => onlyMine.includes(address))], [[], []]);
  });
});
