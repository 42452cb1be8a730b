// Proves that addresses, object addresses, keys and hexadecimal text have one form each, and that nothing else passes.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressBytes,
  addressFromBytes,
  chunkAddress,
  objectAddress,
  objectAddressParts,
  parseAddress,
  parseObjectAddress,
} from "./address.ts";
import { concatBytes, equalBytes, fromHex, textBytes, toHex } from "./bytes.ts";

const digits = "0123456789abcdef".repeat(4);

test("an address is 64 lower-case hexadecimal digits and nothing else", () => {
  assert.equal(parseAddress(digits), digits);
  for (const wrong of [
    "",
    digits.slice(1),
    `${digits}0`,
    digits.toUpperCase(),
    `${digits.slice(1)}g`,
    ` ${digits.slice(1)}`,
    `${digits}\n`,
  ])
    assert.equal(parseAddress(wrong), undefined, JSON.stringify(wrong));
});

test("an object address has 64 or 128 digits and comes apart into root and key", () => {
  const root = parseAddress(digits) ?? assert.fail();
  const key = new Uint8Array(32).fill(9);
  assert.deepEqual(objectAddressParts(objectAddress(root)), { root });
  assert.deepEqual(objectAddressParts(objectAddress(root, key)), { root, key });
  assert.equal(parseObjectAddress(objectAddress(root, key)), objectAddress(root, key));
  for (const wrong of [digits.slice(2), `${digits}00`, digits.repeat(3), (digits + digits).toUpperCase()])
    assert.equal(parseObjectAddress(wrong), undefined);
});

test("bytes and text turn into each other, 32 bytes only", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const address = addressFromBytes(bytes);
      assert.equal(parseAddress(address), address);
      assert.deepEqual(addressBytes(address), bytes);
    }),
  );
  assert.throws(() => addressFromBytes(new Uint8Array(31)), RangeError);
});

test("a chunk's address is BLAKE3 of its bytes: the hash of nothing and of abc", () => {
  assert.equal(chunkAddress(new Uint8Array(0)), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  assert.equal(chunkAddress(textBytes("abc")), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
});

test("hexadecimal text is read in lower case and whole bytes only", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(fromHex(toHex(bytes)), bytes)));
  for (const wrong of ["0", "AB", "0g", "00 "]) assert.equal(fromHex(wrong), undefined);
  // A view into a larger buffer shows its own bytes only.
  assert.equal(toHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3)), "0203");
});

test("joining and comparing bytes", () => {
  const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  assert.deepEqual(concatBytes(a, new Uint8Array(0), b), Uint8Array.of(1, 2, 3));
  assert.ok(equalBytes(a, Uint8Array.of(1, 2)) && !equalBytes(a, b) && !equalBytes(a, Uint8Array.of(1, 3)));
});
