// The places of a vault: the points of the XOR space at which it stands, more of them the more capacity it declares, so
// that load follows capacity. A place is D("place", vault name | seed | i), i as four bytes, big-endian.
import { addressBytes } from "./address.ts";
import { deriveKey, hashLength } from "./hash.ts";
import type { VaultName } from "./keys.ts";
import { placesMax, placesMin } from "./limits.ts";

const noSeed = new Uint8Array(0);

/** How many places a vault of `capacity` bytes has where one place stands for `placeUnit` bytes: 16 to 256. */
export function placeCount(capacity: number, placeUnit: number): number {
  return Math.min(placesMax, Math.max(placesMin, Math.ceil(capacity / placeUnit)));
}

/** The first `count` places of a vault, 32 bytes each. `seed` is empty where one owner runs all vaults. */
export function places(name: VaultName, count: number, seed: Uint8Array = noSeed): readonly Uint8Array[] {
  const input = new Uint8Array(hashLength + seed.length + 4);
  input.set(addressBytes(name));
  input.set(seed, hashLength);
  const counter = new DataView(input.buffer, hashLength + seed.length);
  return Array.from({ length: count }, (_, i) => {
    counter.setUint32(0, i);
    return deriveKey("place", input);
  });
}
