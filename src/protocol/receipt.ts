// Storage receipts: a vault's signed statement that it keeps these chunks durably; and refusals, its signed statement
// that it does not take them. One signature covers the whole list of a message.
import { z } from "zod";
import type { Address } from "./address.ts";
import type { Decoded } from "./encoding.ts";
import { type PublicKey, type SigningKey, type VaultName, vaultName } from "./keys.ts";
import { addressesPerRequestMax } from "./limits.ts";
import type { PeerId } from "./peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireAddress, wireCount, wirePeerId, wirePublicKey } from "./wire-types.ts";

/** Why a vault does not take a chunk. */
export const refusalReasons = ["full", "read-only", "cordoned", "wrong-hash", "not-admitted", "busy", "unknown-vault", "not-near"] as const;
export type RefusalReason = (typeof refusalReasons)[number];

const chunkList: z.ZodType<readonly Address[]> = z.array(wireAddress).min(1).max(addressesPerRequestMax);

/** What a vault vouches for: these chunks lie durably on this node since this wall time (milliseconds). */
export type Receipt = {
  readonly vault: PublicKey;
  readonly node: PeerId;
  readonly chunks: readonly Address[];
  readonly storedAtMs: number;
};
const receiptKind: SignedKind<Receipt> = {
  tag: "receipt",
  fields: z.object({ vault: wirePublicKey, node: wirePeerId, chunks: chunkList, storedAtMs: wireCount }),
};

/** What a vault does not take, and why. */
export type Refusal = {
  readonly vault: PublicKey;
  readonly node: PeerId;
  readonly chunks: readonly Address[];
  readonly reason: RefusalReason;
  readonly refusedAtMs: number;
};
const refusalKind: SignedKind<Refusal> = {
  tag: "refusal",
  fields: z.object({ vault: wirePublicKey, node: wirePeerId, chunks: chunkList, reason: z.enum(refusalReasons), refusedAtMs: wireCount }),
};

/** A receipt signed by the vault. */
export function signReceipt(networkId: Address, vault: SigningKey, receipt: Omit<Receipt, "vault">): Uint8Array {
  return signFields(receiptKind, networkId, vault, { ...receipt, vault: vault.publicKey });
}

/** A receipt out of untrusted bytes, its signature checked. Never throws. */
export function readReceipt(networkId: Address, bytes: Uint8Array): Decoded<Receipt & { readonly name: VaultName }> {
  return readByVault(receiptKind, networkId, bytes);
}

/** A refusal signed by the vault. */
export function signRefusal(networkId: Address, vault: SigningKey, refusal: Omit<Refusal, "vault">): Uint8Array {
  return signFields(refusalKind, networkId, vault, { ...refusal, vault: vault.publicKey });
}

/** A refusal out of untrusted bytes, its signature checked. Never throws. */
export function readRefusal(networkId: Address, bytes: Uint8Array): Decoded<Refusal & { readonly name: VaultName }> {
  return readByVault(refusalKind, networkId, bytes);
}

function readByVault<T extends { vault: PublicKey }>(
  kind: SignedKind<T>,
  networkId: Address,
  bytes: Uint8Array,
): Decoded<T & { readonly name: VaultName }> {
  const opened = openSigned(kind, bytes);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, networkId, fields.vault))
    return { ok: false, code: "wrong-shape", why: `${kind.tag} not signed by its vault for this network` };
  return { ok: true, value: { ...fields, name: vaultName(fields.vault) } };
}
