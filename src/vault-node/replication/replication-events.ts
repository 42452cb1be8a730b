// What keeping copies tells those who count.

/** silent: no proper answer · refused: the vault did not take it. */
export type CopyFailure = "silent" | "refused";
export const copyFailures: readonly CopyFailure[] = ["silent", "refused"];

/** held: it was there already · coming: another node was sending it. */
export type CopySpared = "held" | "coming";
export const copiesSpared: readonly CopySpared[] = ["held", "coming"];

export type ReplicationEvents = {
  /** Copies were made elsewhere, with receipts that hold. */
  copied(why: "repair" | "placement", copies: number, bytes: number): void;
  /** Copies were not sent since the receiver, told before, did not want them. */
  spared(why: CopySpared, copies: number, bytes: number): void;
  copyFailed(why: CopyFailure, copies: number): void;
  /** Own copies too many were dropped after the proofs of others. */
  trimmed(copies: number, bytes: number): void;
};

/** Tells nobody. */
export const silentReplicationEvents: ReplicationEvents = { copied: () => {}, spared: () => {}, copyFailed: () => {}, trimmed: () => {} };
