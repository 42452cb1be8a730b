// A grant: a PeerId signed by the network's owner. Where one owner runs the network, only peers with a grant may put. A
// granted key may pass the right to put on, once: gateways that come and go share such a key and need nobody to wait for.
import { z } from "zod";
import type { Decoded } from "./encoding.ts";
import type { Genesis } from "./genesis.ts";
import type { SigningKey } from "./keys.ts";
import { type PeerId, publicKeyOfPeerId } from "./peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireBytes, wireCount, wirePeerId } from "./wire-types.ts";

/** Who may put, and until when: wall time in milliseconds, 0 = for ever. */
export type Grant = { readonly peerId: PeerId; readonly notAfterMs: number };

const grantKind: SignedKind<Grant> = { tag: "grant", fields: z.object({ peerId: wirePeerId, notAfterMs: wireCount }) };

/** Largest grant by the owner, bytes. */
export const grantSizeMax = 256;

/** `by`: the owner's grant for the key that signed. */
type Proxy = Grant & { readonly by: Uint8Array };

const proxyKind: SignedKind<Proxy> = {
  tag: "grant-proxy",
  fields: z.object({ peerId: wirePeerId, notAfterMs: wireCount, by: wireBytes(grantSizeMax) }),
};

/** Largest right to put on the wire, by the owner or passed on, bytes. */
export const putGrantSizeMax = 512;

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

/**
 * The right to put for `peerId`, passed on by `key`, which the owner granted with `by`. It holds as long as that grant
 * does. It makes nobody a member: certificates ask for grants by the owner.
 */
export function passOnGrant(genesis: Genesis, key: SigningKey, by: Uint8Array, peerId: PeerId): Uint8Array {
  return signFields(proxyKind, genesis.networkId, key, { peerId, notAfterMs: 0, by });
}

/** The right to put in untrusted bytes, granted by the owner or passed on, where it holds for `peerId` at `wallMs`; otherwise why not. Never throws. */
export function checkPutGrant(genesis: Genesis, bytes: Uint8Array, peerId: PeerId, wallMs: number): Decoded<Grant> {
  const opened = openSigned(proxyKind, bytes);
  if (!opened.ok) return checkGrant(genesis, bytes, peerId, wallMs);
  const { by, notAfterMs, peerId: granted } = opened.value.fields;
  const owners = openSigned(grantKind, by);
  if (!owners.ok) return owners;
  const proxy = owners.value.fields.peerId;
  const checked = checkGrant(genesis, by, proxy, wallMs);
  if (!checked.ok) return checked;
  if (!verifyOpened(opened.value, genesis.networkId, publicKeyOfPeerId(proxy)))
    return { ok: false, code: "wrong-shape", why: `not signed by ${proxy}, whom the owner granted it` };
  if (granted !== peerId) return { ok: false, code: "wrong-shape", why: `granted to ${granted}, shown by ${peerId}` };
  if (notAfterMs !== 0 && notAfterMs < wallMs) return { ok: false, code: "wrong-shape", why: "expired" };
  const ends = [notAfterMs, checked.value.notAfterMs].filter((ms) => ms !== 0);
  return { ok: true, value: { peerId, notAfterMs: ends.length === 0 ? 0 : Math.min(...ends) } };
}
