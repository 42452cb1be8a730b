// Proves that places follow the formula of the protocol: their number from the capacity, each from name, seed and index.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addressFromBytes } from "./address.ts";
import { concatBytes, toHex } from "./bytes.ts";
import { deriveKey } from "./hash.ts";
import { placeCount, places } from "./places.ts";

const gib = 2 ** 30;
const name = addressFromBytes(new Uint8Array(32).fill(5));

test("a place stands for placeUnit bytes, at least 16 of them and at most 256", () => {
  const table: readonly (readonly [capacity: number, count: number])[] = [
    [0, 16],
    [1, 16],
    [16 * gib, 16],
    [16 * gib + 1, 17],
    [32 * gib, 32],
    [256 * gib, 256],
    [Number.MAX_SAFE_INTEGER, 256],
  ];
  for (const [capacity, count] of table) assert.equal(placeCount(capacity, gib), count, `capacity ${capacity}`);
});

test("place i is D(place, name | seed | i) with i as four bytes, big-endian", () => {
  const seed = Uint8Array.of(1, 2, 3);
  const [, second] = places(name, 2, seed);
  const expected = deriveKey("place", concatBytes(new Uint8Array(32).fill(5), seed, Uint8Array.of(0, 0, 0, 1)));
  assert.deepEqual(second && toHex(second), toHex(expected));
});

test("places do not change: a vector made with another BLAKE3", () => {
  assert.deepEqual(places(name, 2).map(toHex), [
    "efc460b6deb06c10ddc56fc8874c00d593bddefdfbb74304aba2af8d626abae1",
    "273cea8f90845db92ee8cb0c022b24823668100ec84a310bdb5d87adb2da2af1",
  ]);
});

test("more capacity keeps the places there were; another seed gives others", () => {
  const few = places(name, 16).map(toHex);
  assert.deepEqual(places(name, 40).slice(0, 16).map(toHex), few);
  assert.ok(places(name, 16, Uint8Array.of(9)).every((place) => !few.includes(toHex(place))));
});
