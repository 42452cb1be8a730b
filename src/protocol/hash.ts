// The two hash functions of the protocol: H (BLAKE3-256) and D (BLAKE3 derive_key), both native.
import { Blake3Hasher, blake3 } from "@napi-rs/blake-hash";

/** Bytes of every hash in the protocol. */
export const hashLength = 32;

/** `H(bytes)`: BLAKE3-256, 32 bytes. */
export function hash(bytes: Uint8Array): Uint8Array {
  return blake3(asBuffer(bytes));
}

/**
 * `D(context, bytes)`: BLAKE3 derive_key mode, 32 bytes, under `vaultfarm 2026-11 <context>`.
 * The date is the version of the protocol's key derivation and never changes for one network.
 */
export function deriveKey(context: string, bytes: Uint8Array): Uint8Array {
  return Blake3Hasher.deriveKey(`vaultfarm 2026-11 ${context}`, asBuffer(bytes));
}

/** BLAKE3 keyed mode, 32 bytes: `key` has 32 bytes. */
export function keyedHash(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return Blake3Hasher.newKeyed(asBuffer(key)).update(asBuffer(bytes)).digestBuffer();
}

/** The same bytes under the type the native hash declares; nothing is copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
