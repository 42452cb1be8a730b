// Proves with a clock moved by hand that one sender at a time is waited for, and only as long as it deserves: not when it
// died, not beyond its time, not twice for the same chunk, and nobody who is no node.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { chunkAddress } from "../protocol/address.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createExpectedCopies, expectedCopiesLimits } from "./expected-copies.ts";

const peer = (n: number): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(n)).publicKey);
const [first, second, outsider] = [peer(1), peer(2), peer(3)];
const chunk = chunkAddress(new Uint8Array([1]));
const other = chunkAddress(new Uint8Array([2]));
const { waitMs } = expectedCopiesLimits;

function book(chunksMax = 100) {
  const live = new Set([first, second]);
  const time = { nowMs: 0 };
  const parts = { nowMs: () => time.nowMs, isLiveNode: (one: PeerId) => live.has(one) };
  return { time, live, expected: createExpectedCopies(parts, { ...expectedCopiesLimits, chunksMax }) };
}

test("the second is told that the chunk comes, the first may ask again, and other chunks are none of it", () => {
  const { expected } = book();
  assert.equal(expected.announced(first, chunk), true);
  assert.equal(expected.announced(second, chunk), false);
  assert.equal(expected.announced(first, chunk), true);
  assert.equal(expected.announced(second, other), true);
});

test("what came, or was refused, is expected no more; what another sent changes nothing", () => {
  const { expected } = book();
  expected.announced(first, chunk);
  expected.came(second, [chunk]);
  assert.equal(expected.announced(second, chunk), false);
  expected.came(first, [chunk]);
  assert.equal(expected.announced(second, chunk), true);
});

test("a sender that is seen live no more is not waited for", () => {
  const { expected, live } = book();
  expected.announced(first, chunk);
  live.delete(first);
  assert.equal(expected.announced(second, chunk), true);
});

test("who only announces holds others up once, however often it does", () => {
  const { expected, time } = book();
  for (; time.nowMs < waitMs; time.nowMs += 1_000) {
    expected.announced(first, chunk);
    assert.equal(expected.announced(second, chunk), false);
  }
  expected.announced(first, chunk);
  assert.equal(expected.announced(second, chunk), true);
});

test("nobody waits for a peer that is no node, and the oldest is forgotten where there is no room", () => {
  const { expected } = book(1);
  assert.equal(expected.announced(outsider, chunk), true);
  assert.equal(expected.announced(second, chunk), true);
  assert.equal(expected.announced(first, other), true);
  assert.equal(expected.announced(first, chunk), true, "forgotten for the other");
  assert.equal(expected.announced(second, other), true, "forgotten in its turn");
});
