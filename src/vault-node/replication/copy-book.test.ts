// Proves that the sum over all nodes' books counts every chunk once, with its live copies, whoever of the holders is silent:
// random holders and losses against a count by hand; what becomes of holders that could not be asked, what a book forgets, and when it says that it is not whole.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type CopyBook, createCopyBook } from "./copy-book.ts";

const peers = Array.from(
  { length: 8 },
  (_, n): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(n + 1)).publicKey),
);
const chunk = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const self = peers[0] ?? assert.fail();
const everybody = (): boolean => true;
const held = (): boolean => true;
/** A book that looked at everything, while there was nothing. */
const lookedBook = (chunksMax = 10): CopyBook => {
  const book = createCopyBook(self, { min: 4, target: 5, chunksMax });
  book.lookedThrough(held);
  return book;
};
const add = (sums: number[], counts: readonly number[]): number[] => sums.map((sum, i) => sum + (counts[i] ?? 0));

test("each chunk is counted once as long as one of its first two holders lives, with its live copies", () => {
  const holders = fc.shuffledSubarray(peers, { minLength: 1, maxLength: 6 });
  const property = fc.property(fc.array(holders, { maxLength: 20 }), fc.subarray(peers), (chunks, silent) => {
    const isLive = (peer: PeerId): boolean => !silent.includes(peer);
    const books = peers.map((peer): [PeerId, CopyBook] => [peer, createCopyBook(peer, { min: 4, target: 5, chunksMax: 100 })]);
    const expected = [0, 0, 0, 0, 0, 0];
    for (const [n, order] of chunks.entries()) {
      for (const [peer, book] of books) if (order.includes(peer)) book.note(chunk(n), { order, copies: order.length });
      const live = Math.min(5, order.filter(isLive).length);
      if (order.slice(0, 2).some(isLive)) expected[live] = (expected[live] ?? 0) + 1;
    }
    for (const [, book] of books) book.lookedThrough(held);
    const sums = books.filter(([peer]) => isLive(peer)).reduce((sum, [, book]) => add(sum, book.count(isLive).live), [0, 0, 0, 0, 0, 0]);
    assert.deepEqual(sums, expected);
  });
  fc.assert(property);
});

test("holders that leave are no copies, but count the chunk where nobody else is left", () => {
  const book = lookedBook();
  book.note(chunk(1), { order: [self], copies: 0 });
  assert.deepEqual(book.count(everybody).live, [1, 0, 0, 0, 0, 0]);
});

test("a chunk that has min copies only with those on leavers is counted as such, while enough of them live", () => {
  const [, b, c, d, e] = peers;
  assert.ok(b !== undefined && c !== undefined && d !== undefined && e !== undefined);
  const book = lookedBook();
  book.note(chunk(1), { order: [self, b, c, d], copies: 3 });
  book.note(chunk(2), { order: [self, b, c], copies: 2 });
  book.note(chunk(3), { order: [self, b, c, d, e], copies: 4 });
  const { live, onLeavers } = book.count(everybody);
  assert.deepEqual([live, onLeavers], [[0, 0, 1, 1, 1, 0], 1], "the second has three copies in all, the third needs no leaver");
  assert.equal(book.count((peer) => peer !== d).onLeavers, 1, "now the third needs its leaver, and the first has too few");
  assert.equal(book.count((peer) => peer !== d && peer !== e).onLeavers, 0);
});

test("a copy that was made counts at once; where it stands nearer, its node counts the chunk from then on", () => {
  const [, b, c] = peers;
  assert.ok(b !== undefined && c !== undefined);
  const book = lookedBook();
  book.note(chunk(1), { order: [self, b], copies: 2 });
  book.made(chunk(1), c, (peer) => [self, b, c].indexOf(peer));
  book.made(chunk(1), c, () => 0);
  book.made(chunk(2), c, () => 0);
  assert.deepEqual(book.count(everybody).live, [0, 0, 0, 1, 0, 0]);
  book.note(chunk(1), { order: [self, b], copies: 2 });
  book.made(chunk(1), c, (peer) => [c, self, b].indexOf(peer));
  assert.deepEqual(book.count(everybody).live, [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(book.count((peer) => peer !== c).live, [0, 0, 1, 0, 0, 0]);
});

test("who could not be asked holds what it held, in its place, and counts as long as it lives", () => {
  const [, b, c, d, e] = peers;
  assert.ok(b !== undefined && c !== undefined && d !== undefined && e !== undefined);
  const book = lookedBook();
  const unasked = {
    peers: new Set([b, e]),
    stays: (peer: PeerId) => peer !== e,
    rankAt: () => (peer: PeerId) => [b, self, c, d].indexOf(peer),
  };
  const alone = { order: [self, c, d], copies: 3 };
  book.note(chunk(1), { order: [self, b, c, d], copies: 4 });
  book.note(chunk(1), alone, unasked);
  assert.deepEqual(book.count((peer) => peer !== b).live, [0, 0, 0, 1, 0, 0], "silent for long");
  assert.deepEqual(book.count(everybody).live, [0, 0, 0, 0, 0, 0], "alive, it stands before this node and counts the chunk");
  book.note(chunk(1), alone, { ...unasked, peers: new Set() });
  assert.deepEqual(book.count(everybody).live, [0, 0, 0, 1, 0, 0], "asked, and it has none");
  book.note(chunk(1), { order: [self, c, d, e], copies: 3 });
  book.note(chunk(1), alone, unasked);
  const { live, onLeavers } = book.count(everybody);
  assert.deepEqual([live, onLeavers], [[0, 0, 0, 1, 0, 0], 1], "a copy on a leaver stays one");
  book.note(chunk(2), alone, unasked);
  assert.deepEqual(book.count(everybody).live, [0, 0, 0, 2, 0, 0], "nothing is made up of who was not seen before");
  book.note(chunk(3), { order: [b, self], copies: 2 });
  book.note(chunk(3), { order: [c, self], copies: 2 }, { ...unasked, rankAt: () => (peer) => [c, b, self].indexOf(peer) });
  assert.notDeepEqual(book.holders(chunk(3)), [], "second of those that answer: ready to count");
});

test("what was seen before the first look at everything is not told yet, and a look at some later hides nothing of it", () => {
  const book = createCopyBook(self, { min: 4, target: 5, chunksMax: 2 });
  const alone = { order: [self], copies: 1 };
  book.note(chunk(1), alone);
  assert.deepEqual(book.count(everybody), { live: [0, 0, 0, 0, 0, 0], onLeavers: 0, partial: true }, "others are not in view yet");
  book.lookedThrough(held);
  assert.deepEqual(book.count(everybody), { live: [0, 1, 0, 0, 0, 0], onLeavers: 0, partial: false });
  book.note(chunk(2), { order: peers.slice(0, 5), copies: 5 });
  book.note(chunk(3), alone);
  assert.deepEqual(
    book.count(everybody),
    { live: [0, 1, 0, 0, 0, 1], onLeavers: 0, partial: true },
    "no room, and what was known still is",
  );
});

test("it is whole once everything was looked through, and no more when something found no room", () => {
  const book = createCopyBook(self, { min: 4, target: 5, chunksMax: 2 });
  const seen = { order: [self], copies: 1 };
  book.note(chunk(1), seen);
  assert.equal(book.count(everybody).partial, true);
  book.lookedThrough(held);
  assert.equal(book.count(everybody).partial, false);
  book.note(chunk(2), seen);
  book.note(chunk(3), seen);
  assert.deepEqual(book.count(everybody), { live: [0, 2, 0, 0, 0, 0], onLeavers: 0, partial: true });
  book.lookedThrough((address) => address === chunk(2));
  assert.deepEqual(book.count(everybody), { live: [0, 1, 0, 0, 0, 0], onLeavers: 0, partial: false });
  book.forget(chunk(2));
  assert.deepEqual([book.holders(chunk(2)), book.count(everybody).live], [[], [0, 0, 0, 0, 0, 0]]);
});
