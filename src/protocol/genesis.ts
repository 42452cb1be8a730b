// The genesis: the signed record that begins a network. Its hash is the network id; it fixes the copies policy and the
// unit of capacity, and names the two keys that may speak for the network.
import { z } from "zod";
import { type Address, addressFromBytes, parseAddress } from "./address.ts";
import type { Decoded } from "./encoding.ts";
import { hash } from "./hash.ts";
import type { PublicKey, SigningKey } from "./keys.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireCount, wirePublicKey } from "./wire-types.ts";

/** Fewest, intended and most copies of a chunk, each on another node. */
export type CopiesPolicy = { readonly min: number; readonly target: number; readonly max: number };

const copies: z.ZodType<CopiesPolicy> = z
  .object({ min: z.int().min(1).max(32), target: z.int().min(1).max(32), max: z.int().min(1).max(32) })
  .refine((c) => c.min <= c.target && c.target <= c.max, "expected min <= target <= max");

export type GenesisFields = {
  /** A label; the network id is what counts. */
  readonly name: string;
  /** Signs grants and, for networks of one owner, what only the owner may say. */
  readonly owner: PublicKey;
  readonly copies: CopiesPolicy;
  /** Bytes of declared capacity per place. */
  readonly placeUnit: number;
  /** Wall time, milliseconds. */
  readonly createdAt: number;
};

const genesisFields: z.ZodType<GenesisFields> = z.object({
  name: z.string().min(1).max(63),
  owner: wirePublicKey,
  copies,
  placeUnit: wireCount.min(1),
  createdAt: wireCount,
});

/** A checked genesis: its fields, its network id and its bytes. */
export type Genesis = GenesisFields & { readonly networkId: Address; readonly bytes: Uint8Array };

const genesisKind: SignedKind<GenesisFields> = { tag: "genesis", fields: genesisFields };
// A genesis cannot name the network it begins: the field holds zeros.
const noNetwork = parseAddress("0".repeat(64)) as Address;

/** Begins a network: `fields` signed by its owner. */
export function createGenesis(fields: Omit<GenesisFields, "owner">, owner: SigningKey): Genesis {
  const complete = { ...fields, owner: owner.publicKey };
  const bytes = signFields(genesisKind, noNetwork, owner, complete);
  return { ...complete, networkId: addressFromBytes(hash(bytes)), bytes };
}

/** A genesis out of untrusted bytes, its signature checked. Never throws. */
export function readGenesis(bytes: Uint8Array): Decoded<Genesis> {
  const opened = openSigned(genesisKind, bytes);
  if (!opened.ok) return opened;
  if (!verifyOpened(opened.value, noNetwork, opened.value.fields.owner))
    return { ok: false, code: "wrong-shape", why: "the genesis is not signed by its owner" };
  return { ok: true, value: { ...opened.value.fields, networkId: addressFromBytes(hash(bytes)), bytes } };
}
