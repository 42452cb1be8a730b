// How many bytes may be read from disk for one peer, and for all peers, in the long run and at once.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AuditLimits } from "./audit-limits.ts";

export type ReadAllowance = {
  /** Whether these bytes may be read now; they count where they may. */
  take(peer: PeerId, bytes: number): boolean;
};

type Bucket = { left: number; filledAtMs: number };

// Peers remembered; one whose bucket is full again need not be.
const peersMax = 4096;

/** Full allowances at the start. */
export function createReadAllowance(clock: Clock, limits: AuditLimits): ReadAllowance {
  const peers = new Map<PeerId, Bucket>();
  const all: Bucket = { left: limits.allBurstBytes, filledAtMs: clock.monotonicMs() };
  const fill = (bucket: Bucket, rate: number, burst: number): void => {
    const nowMs = clock.monotonicMs();
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.filledAtMs) / 1000) * rate);
    bucket.filledAtMs = nowMs;
  };
  const bucketOf = (peer: PeerId): Bucket => {
    const bucket = peers.get(peer) ?? { left: limits.burstBytes, filledAtMs: clock.monotonicMs() };
    // The one that was used longest ago is forgotten first.
    peers.delete(peer);
    peers.set(peer, bucket);
    const [oldest] = peers.keys();
    if (peers.size > peersMax && oldest !== undefined) peers.delete(oldest);
    fill(bucket, limits.bytesPerSecond, limits.burstBytes);
    return bucket;
  };
  return {
    take: (peer, bytes) => {
      const bucket = bucketOf(peer);
      fill(all, limits.allBytesPerSecond, limits.allBurstBytes);
      if (bytes > bucket.left || bytes > all.left) return false;
      bucket.left -= bytes;
      all.left -= bytes;
      return true;
    },
  };
}
