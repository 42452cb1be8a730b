// The root of an object: its data map, or the object itself where it is small, with the salt of the owner's secret where
// there is one; and how the root is sealed. Pure.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { concatBytes, equalBytes, textBytes } from "../../protocol/bytes.ts";
import { deriveKey, hashLength } from "../../protocol/hash.ts";
import { type DataMap, parseDataMap } from "./data-map.ts";

/** Objects below this many bytes lie in the root itself: one chunk instead of four (docs/decisions/0017-small-objects-inline.md). */
export const inlineSizeLimit: number = 16 * 1024;

export type RootContent = { readonly kind: "map"; readonly map: DataMap } | { readonly kind: "inline"; readonly content: Uint8Array };
export type Root = { readonly content: RootContent; readonly salt: Uint8Array | undefined };

/** not-a-root: these bytes were never a readable root (for example a sealed one). malformed: a root that breaks the format. */
export type ParsedRoot =
  | { readonly kind: "root"; readonly root: Root }
  | { readonly kind: "not-a-root" }
  | { readonly kind: "malformed"; readonly why: string };

// Eight bytes each, of which the first cannot begin a data map of the crate (its version byte).
const inlineMark: Uint8Array = concatBytes(Uint8Array.of(0xff), textBytes("inline"), Uint8Array.of(1));
const saltMark: Uint8Array = concatBytes(Uint8Array.of(0xff), textBytes("salted"), Uint8Array.of(1));
/** A serialised map of fewer than 2^32 entries begins with its version; the high half of its count is zero. */
const mapHigh: Uint8Array = new Uint8Array(4);

const rootCipher = "chacha20-poly1305";
const tagLength = 16;
// K seals one root only, the one it is derived from: a fixed nonce repeats nothing.
const rootNonce: Uint8Array = new Uint8Array(12);

const beginsWith = (bytes: Uint8Array, mark: Uint8Array): boolean => equalBytes(bytes.subarray(0, mark.length), mark);

/** The bytes of a root: a data map as the crate writes it, or a mark and the content; a salt goes before either. */
export function encodeRoot(root: Root): Uint8Array {
  const content = root.content.kind === "map" ? root.content.map.bytes : concatBytes(inlineMark, root.content.content);
  return root.salt === undefined ? content : concatBytes(saltMark, root.salt, content);
}

/** Reads a root. */
export function parseRoot(bytes: Uint8Array): ParsedRoot {
  if (!beginsWith(bytes, saltMark)) return parseContent(bytes, undefined);
  if (bytes.length < saltMark.length + hashLength) return { kind: "malformed", why: "cut short in its salt" };
  const contentStart = saltMark.length + hashLength;
  const parsed = parseContent(bytes.subarray(contentStart), bytes.slice(saltMark.length, contentStart));
  return parsed.kind === "not-a-root" ? { kind: "malformed", why: "a salt without a map" } : parsed;
}

function parseContent(bytes: Uint8Array, salt: Uint8Array | undefined): ParsedRoot {
  if (beginsWith(bytes, inlineMark)) {
    const content = bytes.slice(inlineMark.length);
    if (content.length === 0 || content.length >= inlineSizeLimit) return { kind: "malformed", why: `${content.length} bytes inline` };
    return { kind: "root", root: { content: { kind: "inline", content }, salt } };
  }
  if (bytes[0] !== 1 || !equalBytes(bytes.subarray(5, 9), mapHigh)) return { kind: "not-a-root" };
  const parsed = parseDataMap(bytes);
  return parsed.kind === "map" ? { kind: "root", root: { content: parsed, salt } } : parsed;
}

/** Seals root bytes under K = D("map", bytes). */
export function sealRoot(bytes: Uint8Array): { readonly key: Uint8Array; readonly sealed: Uint8Array } {
  const key = deriveKey("map", bytes);
  const cipher = createCipheriv(rootCipher, key, rootNonce, { authTagLength: tagLength });
  return { key, sealed: concatBytes(cipher.update(bytes), cipher.final(), cipher.getAuthTag()) };
}

/** The root bytes, or undefined where `key` is not the key of these. */
export function openRoot(sealed: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  if (sealed.length <= tagLength) return undefined;
  const decipher = createDecipheriv(rootCipher, key, rootNonce, { authTagLength: tagLength });
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  const bytes = decipher.update(sealed.subarray(0, sealed.length - tagLength));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return equalBytes(deriveKey("map", bytes), key) ? bytes : undefined;
}

/** The salt of one object: follows from the owner's secret, the object's size and the hash of its first chunk (docs/decisions/0005). */
export function objectSalt(secret: Uint8Array, size: number, firstHash: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(size), true);
  return deriveKey("convergence", concatBytes(secret, firstHash, length));
}
