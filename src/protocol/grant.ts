// A grant: a PeerId signed by the network's owner. Where one owner runs the network, only peers with a grant may put.
import { z } from "zod";
import type { Decoded } from "./encoding.ts";
import type { Genesis } from "./genesis.ts";
import type { SigningKey } from "./keys.ts";
import type { PeerId } from "./peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireCount, wirePeerId } from "./wire-types.ts";

/** Who may put, and until when: wall time in milliseconds, 0 = for ever. */
export type Grant = { readonly peerId: PeerId; readonly notAfterMs: number };

const grantKind: SignedKind<Grant> = { tag: "grant", fields: z.object({ peerId: wirePeerId, notAfterMs: wireCount }) };

/** Largest grant on the wire, bytes. */
export const grantSizeMax = 256;

/** A grant for `peerId`, signed by the owner of the network. */
export function createGrant(genesis: Genesis, owner: SigningKey, grant: Grant): Uint8Array {
  return signFields(grantKind, genesis.networkId, owner, grant);
}

/** The grant in untrusted bytes where it holds for `peerId` at `wallMs`; otherwise why not. Never throws. */
export function checkGrant(genesis: Genesis, bytes: Uint8Array, peerId: PeerId, wallMs: number): Decoded<Grant> {
  const opened = openSigned(grantKind, bytes);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, genesis.networkId, genesis.owner))
    return { ok: false, code: "wrong-shape", why: "not signed by the owner of this network" };
  if (fields.peerId !== peerId) return { ok: false, code: "wrong-shape", why: `granted to ${fields.peerId}, shown by ${peerId}` };
  if (fields.notAfterMs !== 0 && fields.notAfterMs < wallMs) return { ok: false, code: "wrong-shape", why: "expired" };
  return { ok: true, value: fields };
}
