// The keys of one chunk, from its own and its neighbours' source hashes: a BLAKE3 derivation of 96 bytes.
import { blake3 } from "@noble/hashes/blake3.js";
import { textBytes } from "../../protocol/bytes.ts";
import { hashLength } from "../../protocol/hash.ts";
import { type Pad, padFromBytes, padLength } from "./pad.ts";

/** What the keys of a chunk follow from. `salt`: present where the owner has a convergence secret (docs/decisions/0005). */
export type ChunkKeyInput = {
  /** Source hashes of the chunk itself and of its two neighbours, in the order of `neighbours`. */
  readonly hashes: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly index: number;
  /** 0 for content, 1 and up for the maps above it. */
  readonly level: number;
  readonly salt?: Uint8Array;
};

export type ChunkKeys = { readonly pad: Pad; readonly key: Uint8Array; readonly nonce: Uint8Array };

const keyLength = 32;
const nonceLength = 12;
const materialLength: number = padLength + keyLength + nonceLength;

// The native binding gives 32 bytes of a derivation only, so this short one is computed here, its contexts hashed once.
const plainDerivation = blake3.create({ context: textBytes("self_encryption/chunk/v2"), dkLen: materialLength });
const saltedDerivation = blake3.create({ context: textBytes("vaultfarm 2026-11 salted chunk"), dkLen: materialLength });

/** The 96 bytes pad, key and nonce are cut from. */
export function chunkKeyMaterial(input: ChunkKeyInput): Uint8Array {
  const bytes = new Uint8Array(3 * hashLength + 16);
  input.hashes.forEach((hash, position) => {
    bytes.set(hash, position * hashLength);
  });
  const numbers = new DataView(bytes.buffer, 3 * hashLength);
  numbers.setBigUint64(0, BigInt(input.index), true);
  numbers.setBigUint64(8, BigInt(input.level), true);
  if (input.salt === undefined) return plainDerivation.clone().update(bytes).digest();
  return saltedDerivation.clone().update(bytes).update(input.salt).digest();
}

/** The pad, key and nonce of a chunk. */
export function deriveChunkKeys(input: ChunkKeyInput): ChunkKeys {
  const material = chunkKeyMaterial(input);
  return {
    pad: padFromBytes(material.subarray(0, padLength)),
    key: material.slice(padLength, padLength + keyLength),
    nonce: material.slice(padLength + keyLength, materialLength),
  };
}
