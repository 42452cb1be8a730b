// audit-chunks: a node shows that it has the bytes of chunks now. The challenge is a nonce; a proof is BLAKE3 over the
// bytes, keyed by the nonce and by who asks and who answers, so that no proof serves twice or for somebody else.
import { z } from "zod";
import type { Address } from "../address.ts";
import { concatBytes } from "../bytes.ts";
import type { Decoded } from "../encoding.ts";
import { deriveKey, hashLength, keyedHash } from "../hash.ts";
import { type PublicKey, publicKeyBytes, type SigningKey, type VaultName, vaultName } from "../keys.ts";
import { auditChunksMax, vaultsPerNodeMax } from "../limits.ts";
import { type PeerId, publicKeyOfPeerId } from "../peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "../signed.ts";
import { wireAddress, wireBytes, wirePeerId, wirePublicKey } from "../wire-types.ts";

const exactly = (length: number): z.ZodType<Uint8Array, Uint8Array> =>
  wireBytes(length).refine((bytes) => bytes.length === length, `expected ${length} bytes`);

/** `nonce`: 32 unpredictable bytes, new for each request. */
export type AuditChunksRequest = { readonly nonce: Uint8Array; readonly chunks: readonly Address[] };
export const auditChunksRequest: z.ZodType<AuditChunksRequest> = z.object({
  nonce: exactly(hashLength),
  chunks: z.array(wireAddress).min(1).max(auditChunksMax),
});

/** Largest signed statement, bytes: a proof is an address and a hash. */
export const auditStatementMax: number = auditChunksMax * 80 + 512;

/** `statements`: signed, one a vault; `missing`: not held or not readable; `later`: over what the asker may have read now. */
export type AuditChunksReply = {
  readonly statements: readonly Uint8Array[];
  readonly missing: readonly Address[];
  readonly later: readonly Address[];
};
export const auditChunksReply: z.ZodType<AuditChunksReply> = z.object({
  statements: z.array(wireBytes(auditStatementMax)).max(Math.min(auditChunksMax, vaultsPerNodeMax)),
  missing: z.array(wireAddress).max(auditChunksMax),
  later: z.array(wireAddress).max(auditChunksMax),
});

/** What a proof is bound to: the nonce, who asked, and the node and vault that answer. */
export type AuditBinding = { readonly nonce: Uint8Array; readonly auditor: PeerId; readonly node: PeerId; readonly vault: PublicKey };

export type AuditProof = { readonly chunk: Address; readonly proof: Uint8Array };

/** A vault's signed word that these are its proofs: with the bytes at hand anybody can check later whether it lied. */
export type AuditStatement = AuditBinding & { readonly proofs: readonly AuditProof[] };
const statementKind: SignedKind<AuditStatement> = {
  tag: "audit",
  fields: z.object({
    nonce: exactly(hashLength),
    auditor: wirePeerId,
    node: wirePeerId,
    vault: wirePublicKey,
    proofs: z
      .array(z.object({ chunk: wireAddress, proof: exactly(hashLength) }))
      .min(1)
      .max(auditChunksMax),
  }),
};

/** The key of all proofs under one binding: D("audit", nonce ‖ auditor ‖ node ‖ vault), the last three as public keys. */
export function auditKey({ nonce, auditor, node, vault }: AuditBinding): Uint8Array {
  const keys = [publicKeyOfPeerId(auditor), publicKeyOfPeerId(node), vault].map(publicKeyBytes);
  return deriveKey("audit", concatBytes(nonce, ...keys));
}

/** The proof over a chunk's bytes: BLAKE3 keyed by `auditKey`. */
export function auditProof(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return keyedHash(key, bytes);
}

/** A statement signed by the vault. */
export function signAuditStatement(networkId: Address, vault: SigningKey, statement: Omit<AuditStatement, "vault">): Uint8Array {
  return signFields(statementKind, networkId, vault, { ...statement, vault: vault.publicKey });
}

/** A statement out of untrusted bytes, its signature checked. Never throws. */
export function readAuditStatement(networkId: Address, bytes: Uint8Array): Decoded<AuditStatement & { readonly name: VaultName }> {
  const opened = openSigned(statementKind, bytes);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, networkId, fields.vault))
    return { ok: false, code: "wrong-shape", why: "an audit statement that its vault did not sign for this network" };
  return { ok: true, value: { ...fields, name: vaultName(fields.vault) } };
}
