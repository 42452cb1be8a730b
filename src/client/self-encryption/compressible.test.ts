// Proves that the samples tell incompressible content from the rest: random bytes of any seed are stored, and content with
// uneven bytes or with repeats is tried; and that a stored frame is a Brotli stream of exactly the content.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";
import fc from "fast-check";
import { seededRandom } from "../../runtime/random.ts";
import { looksCompressible, sampledLength } from "./compressible.ts";
import { compressChunk, decompressChunk } from "./compression.ts";
import { frameStored, storedHeadLength, storedStart, storedStreamLength } from "./stored-frame.ts";

test("random bytes look incompressible, whatever their seed and length", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: sampledLength, max: 200_000 }), (seed, length) => {
      assert.equal(looksCompressible(seededRandom(seed).bytes(length)), false);
    }),
    { numRuns: 30 },
  );
});

test("text, digits, repeats and half-random content look compressible", () => {
  const random = Buffer.from(seededRandom(1).bytes(100_000));
  assert.ok(looksCompressible(Buffer.alloc(100_000, "words and more words\n")));
  assert.ok(looksCompressible(Buffer.from(random.toString("base64"))));
  assert.ok(looksCompressible(random.map((byte, at) => (at % 2048 < 1024 ? byte : (random[at - 1024] ?? 0)))));
  assert.ok(looksCompressible(random.map((byte, at) => (at % 4 === 0 ? byte : 0))));
});

test("fast streams are never longer than stored ones, dense ones always are streams", () => {
  for (const bytes of [seededRandom(2).bytes(300_000), Buffer.alloc(300_000, "again "), seededRandom(3).bytes(40)]) {
    const fast = compressChunk(bytes, "fast");
    assert.ok(fast === undefined || fast.length < bytes.length);
    assert.deepEqual(decompressChunk(compressChunk(bytes, "dense") ?? assert.fail(), bytes.length), Buffer.from(bytes));
  }
});

test("a stored frame is a Brotli stream, found again only where it is exactly that", () => {
  for (const length of [1, 2, 255, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 4_190_209]) {
    const buffer = new Uint8Array(storedStreamLength(length));
    const plain = buffer.subarray(storedHeadLength(length), storedHeadLength(length) + length).fill(length & 0xff);
    const stream = frameStored(buffer, length);
    assert.ok(brotliDecompressSync(stream).equals(plain));
    assert.equal(storedStart(stream, length), storedHeadLength(length));
    assert.equal(storedStart(stream, length + 1), undefined);
    stream[stream.length - 1] = 0;
    assert.equal(storedStart(stream, length), undefined);
    assert.equal(decompressChunk(stream, length), undefined);
  }
});
