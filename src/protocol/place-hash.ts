// The first 64 bits of every place of a vault, without garbage: a node that goes or comes has hundreds of places, and as
// many native hashes leave buffers whose collection stops the process for tens of milliseconds.
import { addressBytes } from "./address.ts";
import { hashLength } from "./hash.ts";
import type { VaultName } from "./keys.ts";
import { deriveContextMode, deriveMaterialMode, initialKey, shortHash } from "./short-blake3.ts";

/** Shows the first 64 bits of a place, as two unsigned 32-bit numbers. */
export type PlaceKeyVisitor = (high: number, low: number) => void;

const counterBytes = 4;

const contextKey = deriveContextKey("vaultfarm 2026-11 place");

/** Visits the first `count` places of a vault, as `places` gives them in full. `seed` is the network's. */
export function visitPlaceKeys(
  vault: { readonly name: VaultName; readonly count: number },
  seed: Uint8Array,
  visit: PlaceKeyVisitor,
): void {
  const input = new Uint8Array(hashLength + seed.length + counterBytes);
  input.set(addressBytes(vault.name));
  input.set(seed, hashLength);
  const counter = new DataView(input.buffer, input.length - counterBytes);
  for (let i = 0; i < vault.count; i++) {
    counter.setUint32(0, i);
    const place = shortHash(input, input.length, contextKey, deriveMaterialMode);
    visit(bigEndian(place[0]), bigEndian(place[1]));
  }
}

function deriveContextKey(context: string): Int32Array {
  const bytes = new TextEncoder().encode(context);
  return shortHash(bytes, bytes.length, initialKey, deriveContextMode).slice();
}

/** A hash is bytes, little-endian words first to last; a key compares bytes from the first on. */
function bigEndian(word = 0): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
