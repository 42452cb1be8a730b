// What a simulation is given: everything it does follows from these, so that the same options give the same run.
import type { ReconciliationLimits } from "../../src/vault-node/reconciliation/reconciliation-limits.ts";
import { type ReplicationLimits, replicationLimits } from "../../src/vault-node/replication/replication-limits.ts";

export type SimOptions = {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  /** Bytes of each of a node's two vaults; small ones fill up on the way. */
  readonly vaultCapacity: number;
  /** How long a sync takes, milliseconds: the window in which a crash loses what was not acknowledged yet. */
  readonly syncMs: number;
  /** How copies are kept: delays above all. */
  readonly replication: ReplicationLimits;
  /** Most nodes down at once. */
  readonly downMax: number;
  /** A mistake put back on purpose, to prove that it is found: nodes acknowledge before the sync. */
  readonly bug: "none" | "lost-acknowledgement";
  /** Other limits of comparing and auditing than the usual. */
  readonly reconciliation?: Partial<ReconciliationLimits>;
  /** The rules that are checked; a rule left out shows what the others find alone. */
  readonly rules: readonly Rule[];
};

/**
 * durable-at-acknowledgement: a chunk lies synced on at least `min` nodes at the moment its put succeeds ·
 * still-durable: and ever after, whatever crashes · readable: with at most three of its holders failed every chunk and
 * object comes back byte for byte.
 */
export const rules = ["durable-at-acknowledgement", "still-durable", "readable"] as const;
export type Rule = (typeof rules)[number];

const mib = 1024 * 1024;

export const defaultSimOptions: SimOptions = {
  seed: 1,
  nodes: 8,
  steps: 150,
  vaultCapacity: 64 * mib,
  syncMs: 8,
  replication: replicationLimits,
  downMax: 4,
  bug: "none",
  rules,
};
