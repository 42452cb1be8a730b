// Who may lead: the decision over a lease, and its form on the server. Pure. Times of other programs are never compared
// with ours: a lease counts as renewed when we see that it changed.
import { leaseDurationMs } from "./limits.ts";
import { defineResource, type KubeObject, type OwnerReference, type Resource } from "./resource.ts";

export type Lease = KubeObject & {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
};
export const leases: Resource<Lease> = defineResource({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
});

/** A lease as last read, and when we first saw this version of it. */
export type Seen = { readonly lease: Lease; readonly sinceMs: number };

/** Remembers when a version was first seen: reading the same one again is no renewal. */
export function observe(seen: Seen | undefined, lease: Lease, nowMs: number): Seen {
  return seen !== undefined && seen.lease.metadata.resourceVersion === lease.metadata.resourceVersion ? seen : { lease, sinceMs: nowMs };
}

/** renew: it is ours · take: nobody's, or its holder was silent for its whole duration · wait: another one leads. */
export type LeaseDecision = "renew" | "take" | "wait";

export function decideLease({ lease, sinceMs }: Seen, identity: string, nowMs: number): LeaseDecision {
  const holder = lease.spec?.holderIdentity ?? "";
  if (holder === identity) return "renew";
  if (holder === "") return "take";
  const durationMs = (lease.spec?.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
  return nowMs - sinceMs >= durationMs ? "take" : "wait";
}

/** The lease held by `identity` from now on; `before` is undefined where there is none yet. */
export function heldLease(
  name: { readonly namespace: string; readonly name: string },
  before: Lease | undefined,
  identity: string,
  wallMs: number,
): Lease {
  const now = microTime(wallMs);
  const renewing = before?.spec?.holderIdentity === identity;
  const transitions = before?.spec?.leaseTransitions ?? 0;
  return {
    metadata: before?.metadata ?? name,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: leaseDurationMs / 1000,
      acquireTime: renewing ? (before?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: before === undefined || renewing ? transitions : transitions + 1,
    },
  };
}

/** `lease` as part of `owner`: it goes when that goes, and with nothing that had it before. */
export function ownedLease(lease: Lease, owner: OwnerReference | undefined): Lease {
  return owner === undefined ? lease : { ...lease, metadata: { ...lease.metadata, ownerReferences: [owner] } };
}

/** `lease` with what its holder says of itself; what others noted on it stays. */
export function notedLease(lease: Lease, annotations: Readonly<Record<string, string>>): Lease {
  const { metadata } = lease;
  return Object.keys(annotations).length === 0
    ? lease
    : { ...lease, metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } } };
}

/** The lease given back: whoever looks next may take it at once. */
export function releasedLease(lease: Lease, wallMs: number): Lease {
  const now = microTime(wallMs);
  // One second, as client-go writes it: zero is not allowed.
  return { ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: now, renewTime: now } };
}

/** Kubernetes' MicroTime: RFC 3339 with exactly six digits; others are refused. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}
