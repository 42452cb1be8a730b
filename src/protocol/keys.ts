// Signing keys: ed25519 (RFC 8032) through node:crypto. Public keys and vault names are hexadecimal text in memory.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { type Address, addressFromBytes } from "./address.ts";
import { concatBytes, fromHex, toHex } from "./bytes.ts";
import { hash } from "./hash.ts";

declare const brand: unique symbol;

/** 64 lower-case hexadecimal digits: an ed25519 public key. */
export type PublicKey = string & { readonly [brand]: "PublicKey" };

/** H(vault public key): what a vault is called. */
export type VaultName = Address;

/** A signing key whose private half stays inside: it signs, and never shows its seed. */
export type SigningKey = { readonly publicKey: PublicKey; sign(bytes: Uint8Array): Uint8Array };

export const publicKeyLength = 32;
export const seedLength = 32;
export const signatureLength = 64;

// DER prefixes of RFC 8410: PrivateKeyInfo with a 32-byte seed, SubjectPublicKeyInfo with a 32-byte key.
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/** The signing key of a 32-byte seed. Throws a RangeError for another length. */
export function signingKeyFromSeed(seed: Uint8Array): SigningKey {
  if (seed.length !== seedLength) throw new RangeError(`a seed has ${seedLength} bytes, got ${seed.length}`);
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = publicKeyFromBytes(spki.subarray(spkiPrefix.length));
  return { publicKey, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) };
}

/** The public key of these 32 bytes. Throws a RangeError for another length. */
export function publicKeyFromBytes(bytes: Uint8Array): PublicKey {
  if (bytes.length !== publicKeyLength) throw new RangeError(`a public key has ${publicKeyLength} bytes, got ${bytes.length}`);
  return toHex(bytes) as PublicKey;
}

/** `text` as a public key, or undefined where it is not 64 lower-case hexadecimal digits. */
export function parsePublicKey(text: string): PublicKey | undefined {
  return fromHex(text)?.length === publicKeyLength ? (text as PublicKey) : undefined;
}

/** The 32 bytes of a public key. */
export function publicKeyBytes(key: PublicKey): Uint8Array {
  return new Uint8Array(Buffer.from(key, "hex"));
}

/** The name of the vault with this key: H(public key). */
export function vaultName(key: PublicKey): VaultName {
  return addressFromBytes(hash(publicKeyBytes(key)));
}

// Making a KeyObject costs as much as a verification; the same few peers sign over and over.
const verifiers = new Map<PublicKey, KeyObject>();
const verifierCountMax = 4096;

/** Whether `signature` over `bytes` was made by `key`. False, never an error, for anything malformed. */
export function verifySignature(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== signatureLength) return false;
  try {
    return verify(null, bytes, verifierOf(key), signature);
  } catch {
    return false;
  }
}

function verifierOf(key: PublicKey): KeyObject {
  const known = verifiers.get(key);
  if (known !== undefined) return known;
  if (verifiers.size >= verifierCountMax) verifiers.clear();
  const der = Buffer.from(concatBytes(spkiPrefix, publicKeyBytes(key)));
  const made = createPublicKey({ key: der, format: "der", type: "spki" });
  verifiers.set(key, made);
  return made;
}
