// The one encoding of the protocol: deterministic CBOR (RFC 8949 section 4.2.1). A value has exactly one encoding; any
// other bytes for the same value are refused, so that equal content always has an equal hash and signature.
import { type DecodeOptions, decode, encode, rfc8949EncodeOptions, Tokenizer } from "cborg";
import { z } from "zod";
import { equalBytes } from "./bytes.ts";
import { messageItemsMax } from "./limits.ts";

/** Why bytes were not accepted. */
export type DecodeFailure = { readonly ok: false; readonly code: "malformed" | "not-canonical" | "wrong-shape"; readonly why: string };

/** A decoded value, or why there is none. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | DecodeFailure;

/** Canonical bytes of plain data: maps with text keys, arrays, text, bytes, integers, booleans, null. */
export function encodeCanonical(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

const strictly: DecodeOptions = {
  strict: true,
  allowBigInt: true,
  rejectDuplicateMapKeys: true,
  allowUndefined: false,
  allowIndefinite: false,
};

/** The items of `bytes`, no more than a message has: each costs far more than its byte, also where no schema knows it. */
function itemsOf(bytes: Uint8Array): NonNullable<DecodeOptions["tokenizer"]> {
  // Plain bytes: out of a Buffer the byte strings would be Buffers too.
  const all = new Tokenizer(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), strictly);
  let left = messageItemsMax;
  return {
    done: () => all.done(),
    pos: () => all.pos(),
    next: () => {
      left -= 1;
      if (left < 0) throw new RangeError(`more than ${messageItemsMax} items`);
      return all.next();
    },
  };
}

/** Plain data out of canonical bytes. Never throws. */
export function decodeCanonical(bytes: Uint8Array): Decoded<unknown> {
  try {
    const value: unknown = decode(bytes, { ...strictly, tokenizer: itemsOf(bytes) });
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
