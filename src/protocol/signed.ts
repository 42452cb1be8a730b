// The envelope of everything signed: CBOR [body, signature] with body = CBOR [tag, version, network id, fields]. The tag
// keeps a signature of one kind from being shown as another, the network id keeps it inside one network.
import { z } from "zod";
import type { Address } from "./address.ts";
import { type Decoded, decodeMessage, encodeCanonical } from "./encoding.ts";
import { type PublicKey, type SigningKey, signatureLength, verifySignature } from "./keys.ts";
import { wireAddress } from "./wire-types.ts";

/** What can be signed. */
export type SignedTag =
  | "genesis"
  | "grant"
  | "grant-proxy"
  | "node-record"
  | "vault-entry"
  | "receipt"
  | "refusal"
  | "goodbye"
  | "audit"
  | "safe-to-stop"
  | "stop-witness"
  | "admin-request"
  | "admin-answer"
  | "membership-statement"
  | "membership-vote"
  | "membership-owner"
  | "node-decision";

/** Version of the signed formats. A reader refuses a lower major version and names both. */
export const signedVersion = 1;

/** A signed format: its tag and the shape of its fields. */
export type SignedKind<T> = { readonly tag: SignedTag; readonly fields: z.ZodType<T> };

/** Opened fields, not yet verified: the signer's key often stands inside them. */
export type Opened<T> = { readonly fields: T; readonly networkId: Address; readonly body: Uint8Array; readonly signature: Uint8Array };

const signature: z.ZodType<Uint8Array> = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length === signatureLength,
  "a signature has 64 bytes",
);
const envelope: z.ZodType<[Uint8Array, Uint8Array]> = z.tuple([
  z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes"),
  signature,
]);

/** `value` signed by `key` for the network `networkId`. Throws for a value that breaks the schema. */
export function signFields<T>(kind: SignedKind<T>, networkId: Address, key: SigningKey, value: T): Uint8Array {
  const body = signedBody(kind, networkId, value);
  return encodeCanonical([body, key.sign(body)]);
}

/** The bytes that a signature over `value` covers, for formats that keep many signatures of one value. Throws for a value that breaks the schema. */
export function signedBody<T>(kind: SignedKind<T>, networkId: Address, value: T): Uint8Array {
  return encodeCanonical([kind.tag, signedVersion, z.encode(wireAddress, networkId), z.encode(kind.fields, value)]);
}

/** The fields inside signed bytes, checked for form, tag and version but **not** for the signature: see `verifyOpened`. Never throws. */
export function openSigned<T>(kind: SignedKind<T>, bytes: Uint8Array): Decoded<Opened<T>> {
  const outer = decodeMessage(envelope, bytes);
  if (!outer.ok) return outer;
  const [body, signature] = outer.value;
  const inner = decodeMessage(bodySchema(kind.tag), body);
  if (!inner.ok) return inner;
  const [, version, networkId, fields] = inner.value;
  if (version !== signedVersion) return { ok: false, code: "wrong-shape", why: `version ${version}, this program reads ${signedVersion}` };
  const parsed = decodeFields(kind, fields);
  return parsed.ok ? { ok: true, value: { fields: parsed.value, networkId, body, signature } } : parsed;
}

type Body = [SignedTag, number, Address, unknown];

// To make a schema costs several times what it costs to read with it.
const bodySchemas = new Map<SignedTag, z.ZodType<Body>>();

function bodySchema(tag: SignedTag): z.ZodType<Body> {
  const known = bodySchemas.get(tag);
  if (known !== undefined) return known;
  const made: z.ZodType<Body> = z.tuple([z.literal(tag), z.int(), wireAddress, z.unknown()]);
  bodySchemas.set(tag, made);
  return made;
}

function decodeFields<T>(kind: SignedKind<T>, fields: unknown): Decoded<T> {
  const parsed = kind.fields.safeParse(fields);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, code: "wrong-shape", why: `${kind.tag}.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unknown"}` };
}

/** Whether an opened value was signed by `key` for the network `networkId`. */
export function verifyOpened(opened: Opened<unknown>, networkId: Address, key: PublicKey): boolean {
  return opened.networkId === networkId && verifySignature(key, opened.body, opened.signature);
}
