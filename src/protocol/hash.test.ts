// Proves that the native hash is BLAKE3 for every kind of buffer it is given: whole and partial views, of ordinary and of
// shared memory, against the implementation in JavaScript.
import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { blake3 } from "@noble/hashes/blake3.js";
import fc from "fast-check";
import { textBytes, toHex } from "./bytes.ts";
import { deriveKey, hash } from "./hash.ts";

/** The same bytes as a view in the middle of a larger buffer. */
function viewOf(bytes: Uint8Array, offset: number, buffer: ArrayBuffer | SharedArrayBuffer): Uint8Array {
  const view = new Uint8Array(buffer, offset, bytes.length);
  view.set(bytes);
  return view;
}

describe("hash", () => {
  // The edges of BLAKE3: block 64, chunk 1,024, and where trees of chunks grow and SIMD takes over.
  const lengths = [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 8192, 16_385, 131_072, 1_000_003];

  test("of nothing and of a known text", () => {
    assert.equal(toHex(hash(new Uint8Array(0))), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert.equal(toHex(hash(textBytes("abc"))), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
  });

  for (const length of lengths)
    test(`${length} bytes: ordinary and shared memory, at the start and in the middle`, () => {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + (at >>> 8)) & 0xff);
      const expected = toHex(blake3(bytes));
      assert.equal(toHex(hash(bytes)), expected);
      for (const offset of [0, 1, 4096]) {
        assert.equal(toHex(hash(viewOf(bytes, offset, new ArrayBuffer(offset + length + 7)))), expected);
        assert.equal(toHex(hash(viewOf(bytes, offset, new SharedArrayBuffer(offset + length + 7)))), expected);
      }
    });

  test("any bytes at any place in shared memory, and keys from them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(300), fc.string({ minLength: 1, maxLength: 20 }), (bytes, offset, context) => {
        const shared = viewOf(bytes, offset, new SharedArrayBuffer(offset + bytes.length));
        assert.equal(toHex(hash(shared)), toHex(blake3(bytes)));
        const key = blake3(bytes, { context: textBytes(`vaultfarm 2026-11 ${context}`) });
        assert.equal(toHex(deriveKey(context, shared)), toHex(key));
      }),
    );
  });
});
