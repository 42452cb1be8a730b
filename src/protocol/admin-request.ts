// Admin commands: who may command a node. Every request to the admin port carries one header signed by the farm's admin
// key over method, path, body, the node meant, a nonce and an expiry; every answer carries one signed by the node.
import { z } from "zod";
import type { Address } from "./address.ts";
import { equalBytes, toHex } from "./bytes.ts";
import { hash, hashLength } from "./hash.ts";
import type { PublicKey, SigningKey } from "./keys.ts";
import type { NonceCache } from "./nonce-cache.ts";
import type { PeerId } from "./peer-id.ts";
import { publicKeyOfPeerId } from "./peer-id.ts";
import { type Opened, openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireBytes, wireCount, wirePeerId } from "./wire-types.ts";

/** The HTTP header, of request and answer, that carries the signed envelope as base64url. */
export const adminSignatureHeader = "vaultfarm-signature";

/** How far ahead an expiry may lie by the node's clock, milliseconds: bounds what a replay cache must remember. */
export const adminRequestAheadMax = 30_000;

/** What a signer should choose, milliseconds: leaves 15 s for clocks that differ, either way. */
export const adminRequestLifetimeMs = 15_000;

/** Bytes of a nonce. */
export const adminNonceLength = 16;

// The longest header: a 1 KiB path in base64url with everything else beside it.
const pathMax = 1024;
const headerMax = 2048;

const digest: z.ZodType<Uint8Array> = wireBytes(hashLength);
const nonce: z.ZodType<Uint8Array> = wireBytes(adminNonceLength).refine(
  (bytes) => bytes.length === adminNonceLength,
  "a nonce has 16 bytes",
);

type RequestFields = {
  readonly method: string;
  readonly path: string;
  readonly bodyHash: Uint8Array;
  readonly node: PeerId;
  readonly nonce: Uint8Array;
  readonly notAfterMs: number;
};
const requestKind: SignedKind<RequestFields> = {
  tag: "admin-request",
  fields: z.object({
    method: z.string().max(16),
    path: z.string().max(pathMax),
    bodyHash: digest,
    node: wirePeerId,
    nonce,
    notAfterMs: wireCount,
  }),
};

type AnswerFields = { readonly nonce: Uint8Array; readonly status: number; readonly bodyHash: Uint8Array };
const answerKind: SignedKind<AnswerFields> = { tag: "admin-answer", fields: z.object({ nonce, status: z.int(), bodyHash: digest }) };

/** The part of an HTTP request that is signed: `path` with its query, `body` empty where there is none. */
export type AdminHttpRequest = { readonly method: string; readonly path: string; readonly body: Uint8Array };

/** The part of an HTTP answer that is signed. */
export type AdminHttpAnswer = { readonly status: number; readonly body: Uint8Array };

/** For whom a request is, its 16 random bytes, and until when it holds (wall milliseconds). */
export type AdminRequestTerms = { readonly node: PeerId; readonly nonce: Uint8Array; readonly notAfterMs: number };

/**
 * unsigned: no header · malformed: not an envelope · not-authorised: another key or network · other-node: meant for another
 * node · mismatch: method, path or body differ from what was signed · expired: too old, or too far ahead · replayed: seen before.
 */
export type AdminRefusalCode = "unsigned" | "malformed" | "not-authorised" | "other-node" | "mismatch" | "expired" | "replayed";
export type AdminRefusal = { readonly ok: false; readonly code: AdminRefusalCode; readonly why: string };
export type AdminVerdict<T> = { readonly ok: true; readonly value: T } | AdminRefusal;

/** What a node holds a request against. */
export type AdminGate = {
  readonly networkId: Address;
  readonly adminKey: PublicKey;
  readonly node: PeerId;
  readonly nonces: NonceCache;
  readonly wallMs: number;
};

/** The header of a request, signed by the farm's admin key. */
export function signAdminRequest(networkId: Address, adminKey: SigningKey, request: AdminHttpRequest, terms: AdminRequestTerms): string {
  const { method, path, body } = request;
  return toHeader(signFields(requestKind, networkId, adminKey, { method, path, bodyHash: hash(body), ...terms }));
}

/** Whether a request may be carried out, and the nonce its answer must name. Uses up the nonce only when everything else holds. Never throws. */
export function checkAdminRequest(
  gate: AdminGate,
  request: AdminHttpRequest,
  header: string | undefined,
): AdminVerdict<{ readonly nonce: Uint8Array }> {
  const opened = openHeader(requestKind, header);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, gate.networkId, gate.adminKey))
    return refuse("not-authorised", "not signed by this farm's admin key for this network");
  if (fields.node !== gate.node) return refuse("other-node", `meant for ${fields.node}, this is ${gate.node}`);
  if (fields.method !== request.method || fields.path !== request.path)
    return refuse("mismatch", `signed for ${fields.method} ${fields.path}, got ${request.method} ${request.path}`);
  if (!equalBytes(fields.bodyHash, hash(request.body))) return refuse("mismatch", "the body is not the one that was signed");
  const aheadMs = fields.notAfterMs - gate.wallMs;
  if (aheadMs < 0 || aheadMs > adminRequestAheadMax)
    return refuse("expired", `valid until ${fields.notAfterMs}, here it is ${gate.wallMs}; at most ${adminRequestAheadMax} ms ahead`);
  if (!gate.nonces.use(toHex(fields.nonce), fields.notAfterMs, gate.wallMs)) return refuse("replayed", "this nonce was used before");
  return { ok: true, value: { nonce: fields.nonce } };
}

/** The header of an answer, signed by the node, naming the request's nonce. */
export function signAdminAnswer(networkId: Address, nodeKey: SigningKey, nonce: Uint8Array, answer: AdminHttpAnswer): string {
  return toHeader(signFields(answerKind, networkId, nodeKey, { nonce, status: answer.status, bodyHash: hash(answer.body) }));
}

/** Whether an answer comes from the node asked and answers this very request. Never throws. */
export function checkAdminAnswer(
  asked: { readonly networkId: Address; readonly node: PeerId; readonly nonce: Uint8Array },
  answer: AdminHttpAnswer,
  header: string | undefined,
): AdminVerdict<AdminHttpAnswer> {
  const opened = openHeader(answerKind, header);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, asked.networkId, publicKeyOfPeerId(asked.node)))
    return refuse("not-authorised", `not signed by ${asked.node} for this network`);
  if (!equalBytes(fields.nonce, asked.nonce)) return refuse("replayed", "the answer to another request");
  if (fields.status !== answer.status || !equalBytes(fields.bodyHash, hash(answer.body)))
    return refuse("mismatch", "status or body are not the ones that were signed");
  return { ok: true, value: answer };
}

function openHeader<T>(kind: SignedKind<T>, header: string | undefined): AdminVerdict<Opened<T>> {
  if (header === undefined || header === "") return refuse("unsigned", `no ${adminSignatureHeader} header`);
  if (header.length > headerMax) return refuse("malformed", `the header has at most ${headerMax} characters`);
  const bytes = new Uint8Array(Buffer.from(header, "base64url"));
  if (Buffer.from(bytes).toString("base64url") !== header) return refuse("malformed", "the header is not base64url");
  const opened = openSigned(kind, bytes);
  return opened.ok ? opened : refuse("malformed", opened.why);
}

function toHeader(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function refuse(code: AdminRefusalCode, why: string): AdminRefusal {
  return { ok: false, code, why };
}
