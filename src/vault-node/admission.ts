// Who may write: the one decision every put passes, and the memory of grants already verified. The decision is pure.
import { equalBytes } from "../protocol/bytes.ts";
import type { Genesis } from "../protocol/genesis.ts";
import { checkPutGrant, type Grant } from "../protocol/grant.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { RefusalReason } from "../protocol/receipt.ts";
import type { Clock } from "../runtime/clock.ts";

/** `owner`: one owner runs the network, and a peer needs the owner's grant. */
export type AdmissionPolicy = { readonly kind: "owner" };

/** What a peer showed: a grant that holds for it now, none, or one that does not hold. */
export type GrantStanding = { readonly kind: "valid"; readonly grant: Grant } | { readonly kind: "none" | "invalid" };

/** Whether the peer is within its share of this node's work. */
export type QuotaStanding = "within" | "exceeded";

export type PutFacts = {
  readonly policy: AdmissionPolicy;
  readonly peer: PeerId;
  readonly grant: GrantStanding;
  /** Nobody pays yet; a network without owner will need it. */
  readonly payment: null;
  readonly quotas: QuotaStanding;
};

export type Admission = { readonly kind: "admitted" } | { readonly kind: "refused"; readonly reason: RefusalReason };

/** Whether a put may be carried out. Pure. */
export function admitPut({ peer, grant, quotas }: PutFacts): Admission {
  if (grant.kind !== "valid" || grant.grant.peerId !== peer) return { kind: "refused", reason: "not-admitted" };
  if (quotas === "exceeded") return { kind: "refused", reason: "busy" };
  return { kind: "admitted" };
}

/** Verified grants by peer, so that a signature is checked once and not at every put. */
export type GrantCache = { standing(peer: PeerId, grant: Uint8Array | null): GrantStanding };

// A grant is 512 bytes at most: a full cache stays under 3 MiB.
const grantsMax = 4096;

/** A cache of at most 4,096 grants of the network begun by `genesis`. */
export function createGrantCache(genesis: Genesis, clock: Clock): GrantCache {
  const verified = new Map<PeerId, { readonly bytes: Uint8Array; readonly grant: Grant }>();
  const standing = (peer: PeerId, bytes: Uint8Array | null): GrantStanding => {
    if (bytes === null) return { kind: "none" };
    const known = verified.get(peer);
    if (known !== undefined && equalBytes(known.bytes, bytes)) return holds(known.grant, clock.wallMs());
    const checked = checkPutGrant(genesis, bytes, peer, clock.wallMs());
    if (!checked.ok) return { kind: "invalid" };
    if (verified.size >= grantsMax) verified.clear();
    // A copy, since the bytes belong to a message whose buffer may be used again (slice() of a Buffer copies nothing).
    verified.set(peer, { bytes: new Uint8Array(bytes), grant: checked.value });
    return { kind: "valid", grant: checked.value };
  };
  return { standing };
}

function holds(grant: Grant, wallMs: number): GrantStanding {
  return grant.notAfterMs !== 0 && grant.notAfterMs < wallMs ? { kind: "invalid" } : { kind: "valid", grant };
}
