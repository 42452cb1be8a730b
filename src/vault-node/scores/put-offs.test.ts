// Proves when putting off is no delay any more: often enough, for long enough, of the same thing, with nothing shown in between;
// and that what is remembered is bounded. Method: the book alone, at times told by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createPutOffs, type PutOffs } from "./put-offs.ts";

const peer = "peer" as PeerId;
const chunkOf = (n: number) => chunkAddress(new Uint8Array(8).fill(n));
const chunk = chunkOf(1);
const limits = { putOffsMin: 3, patienceMs: 100 };

function bookAt(): { readonly book: PutOffs; readonly at: (ms: number, what?: Parameters<PutOffs["putOff"]>[1]) => boolean } {
  let nowMs = 0;
  const book = createPutOffs(() => nowMs, limits);
  return {
    book,
    at: (ms, what = chunk) => {
      nowMs = ms;
      return book.putOff(peer, what);
    },
  };
}

test("it takes times and time, both", () => {
  const often = bookAt();
  assert.deepEqual(
    [0, 1, 2, 99].map((ms) => often.at(ms)),
    [false, false, false, false],
  );
  assert.equal(often.at(100), true);
  assert.equal(often.at(101), true, "and goes on");
  const seldom = bookAt();
  assert.deepEqual(
    [0, 1_000, 2_000].map((ms) => seldom.at(ms)),
    [false, false, true],
  );
});

test("what is shown in between begins anew, and another thing is another matter", () => {
  const { book, at } = bookAt();
  for (const ms of [0, 50, 99]) assert.equal(at(ms), false);
  assert.equal(at(100, "comparison"), false);
  assert.deepEqual(book.open(peer), [chunk]);
  book.settle(peer, chunk);
  assert.deepEqual(book.open(peer), []);
  for (const ms of [100, 150, 199]) assert.equal(at(ms), false);
  assert.equal(at(200), true);
});

test("of one peer 64 things are remembered, of all peers the last 1,024", () => {
  const { book, at } = bookAt();
  for (let n = 0; n < 100; n += 1) at(0, chunkOf(n));
  assert.equal(book.open(peer).length, 64);
  for (let n = 0; n < 1_024; n += 1) book.putOff(`other ${n}` as PeerId, chunk);
  assert.deepEqual([book.open(peer).length, book.open("other 0" as PeerId).length], [0, 1]);
});
