// Claims of a farm that were deleted and are kept from going by a finalizer after their pod went: their storage stays taken,
// and nobody but whoever set the finalizer can end it.
import type { ClaimObject, PodObject } from "./resources.ts";

/** A controller takes its finalizer off within seconds of the pod's end; one that has not by now hangs. Milliseconds. */
const heldAfterMs = 300_000;

/** Those among `claims` at `wallMs`, each with what holds it, sorted. Pure. */
export function heldClaims(claims: readonly ClaimObject[], pods: readonly PodObject[], wallMs: number): readonly string[] {
  const used = new Set(pods.map(({ metadata }) => metadata.name));
  const held = claims.filter(({ metadata: { name, deletionTimestamp } }) => {
    const sinceMs = wallMs - Date.parse(deletionTimestamp ?? "");
    return !used.has(name) && sinceMs >= heldAfterMs;
  });
  return held.map(({ metadata: { name, finalizers = [] } }) => `${name} (${finalizers.join(", ")})`).sort();
}
