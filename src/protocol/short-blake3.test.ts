// Proves that the hash computed without garbage is BLAKE3: for any key and input of up to one chunk, keyed and derived, the
// same bytes as the native hash gives.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { deriveKey, keyedHash } from "./hash.ts";
import { deriveContextMode, deriveMaterialMode, initialKey, keyedMode, shortHash, shortInputMax } from "./short-blake3.ts";

const input = fc.uint8Array({ minLength: 1, maxLength: shortInputMax });
const wordsOf = (bytes: Uint8Array): Int32Array => Int32Array.from({ length: 8 }, (_, i) => Buffer.from(bytes).readInt32LE(4 * i));
const bytesOf = (words: Int32Array): Uint8Array => {
  const bytes = Buffer.alloc(32);
  for (const [i, word] of words.entries()) bytes.writeInt32LE(word, 4 * i);
  return Uint8Array.from(bytes);
};

test("keyed, it gives what the native hash gives, and reads no further than told", () => {
  fc.assert(
    fc.property(input, fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 8 }), (bytes, key, beyond) => {
      const longer = Uint8Array.from([...bytes, ...beyond]);
      assert.deepEqual(bytesOf(shortHash(longer, bytes.length, wordsOf(key), keyedMode)), Uint8Array.from(keyedHash(key, bytes)));
    }),
  );
});

test("derived keys are those of the native hash", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 100 }), input, (context, bytes) => {
      const name = new TextEncoder().encode(`vaultfarm 2026-11 ${context}`);
      const key = shortHash(name, name.length, initialKey, deriveContextMode).slice();
      const derived = shortHash(bytes, bytes.length, key, deriveMaterialMode);
      assert.deepEqual(bytesOf(derived), Uint8Array.from(deriveKey(context, bytes)));
    }),
  );
});

test("an input that needs a tree, or none, is refused where it is handed in", () => {
  for (const size of [0, shortInputMax + 1, 8])
    assert.throws(() => shortHash(new Uint8Array(size === 8 ? 7 : size), size, initialKey, keyedMode));
});
