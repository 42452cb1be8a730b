// Proves that the places computed without garbage are the places of the protocol: for any vault, seed and count the same
// first 64 bits as the native hash gives.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "./address.ts";
import type { VaultName } from "./keys.ts";
import { visitPlaceKeys } from "./place-hash.ts";
import { placeKey } from "./place-pages.ts";
import { places } from "./places.ts";

const name = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => addressFromBytes(bytes) as string as VaultName);

test("the first 64 bits of every place are those of the native hash", () => {
  // Seeds of one, two and more blocks.
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (vault, seed, count) => {
      const seen: { high: number; low: number }[] = [];
      visitPlaceKeys({ name: vault, count }, seed, (high, low) => void seen.push({ high, low }));
      assert.deepEqual(seen, places(vault, count, seed).map(placeKey));
    }),
  );
});
