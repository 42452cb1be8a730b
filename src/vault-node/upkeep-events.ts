// What happens in upkeep that somebody outside may want to count.
import type { PeerFault } from "../protocol/peer-faults.ts";
import type { AuditVerdict } from "./audit/auditor.ts";
import type { CompareOutcome } from "./reconciliation/comparer.ts";
import type { Differences } from "./reconciliation/comparison.ts";

export type UpkeepEvents = {
  /** A comparison with a peer ended; `found`: the differences that were handed over. */
  compared(outcome: CompareOutcome, found: Differences): void;
  /** Chunks of a peer were audited, with this verdict. */
  audited(verdict: AuditVerdict, count: number): void;
  peerFaulted(fault: PeerFault): void;
  /** A chunk that was here turned out to be rotten when it was read, and was reported for replacement. */
  chunkSpoilt(): void;
  /** The scrub read a chunk of this many bytes; undefined: it is rotten or gone. */
  scrubbed(bytes: number | undefined): void;
};

/** Tells nobody. */
export const silentUpkeepEvents: UpkeepEvents = {
  compared: () => {},
  audited: () => {},
  peerFaulted: () => {},
  chunkSpoilt: () => {},
  scrubbed: () => {},
};
