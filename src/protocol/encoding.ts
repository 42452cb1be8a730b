// The one encoding of the protocol: deterministic CBOR (RFC 8949 section 4.2.1). A value has exactly one encoding; any
// other bytes for the same value are refused, so that equal content always has an equal hash and signature.
import { decode, encode, rfc8949EncodeOptions } from "cborg";
import { z } from "zod";
import { equalBytes } from "./bytes.ts";

/** Why bytes were not accepted. */
export type DecodeFailure = { readonly ok: false; readonly code: "malformed" | "not-canonical" | "wrong-shape"; readonly why: string };

/** A decoded value, or why there is none. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | DecodeFailure;

/** Canonical bytes of plain data: maps with text keys, arrays, text, bytes, integers, booleans, null. */
export function encodeCanonical(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/** Plain data out of canonical bytes. Never throws. */
export function decodeCanonical(bytes: Uint8Array): Decoded<unknown> {
  try {
    const value: unknown = decode(bytes, { strict: true, rejectDuplicateMapKeys: true, allowUndefined: false, allowIndefinite: false });
    return equalBytes(encodeCanonical(value), bytes)
      ? { ok: true, value }
      : { ok: false, code: "not-canonical", why: "another encoding of the same value" };
  } catch (cause) {
    return { ok: false, code: "malformed", why: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Canonical bytes of a typed message: `schema` turns ids and text into wire form. Throws for a value that breaks the schema. */
export function encodeMessage<T>(schema: z.ZodType<T>, value: T): Uint8Array {
  return encodeCanonical(z.encode(schema, value));
}

/** A typed message out of untrusted bytes: canonical, of the right shape, unknown fields left out. Never throws. */
export function decodeMessage<T>(schema: z.ZodType<T>, bytes: Uint8Array): Decoded<T> {
  const plain = decodeCanonical(bytes);
  if (!plain.ok) return plain;
  const parsed = schema.safeParse(plain.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, code: "wrong-shape", why: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unknown"}` };
}
