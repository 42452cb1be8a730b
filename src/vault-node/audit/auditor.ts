// The port to whoever needs proof that others hold chunks: before a copy is dropped, or a node is let go.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * proven: showed that it has the bytes now · late: showed it, but so late that it may have fetched them elsewhere ·
 * missing: says that it does not hold the chunk, or cannot read it · wrong: gave a proof that is not of these bytes ·
 * silent: no answer, or none that can be read · later: put off, since it is busy or over a limit of its own · unasked: the
 * chunk cannot be read here either.
 */
export const auditVerdicts = ["proven", "late", "missing", "wrong", "silent", "later", "unasked"] as const;
export type AuditVerdict = (typeof auditVerdicts)[number];

/** A node, and the chunks it must show that it holds. */
export type AuditTarget = { readonly peer: PeerId; readonly chunks: readonly Address[] };

export type Auditor = {
  /**
   * Challenges a node for chunks, which must all be held here, since only who has the bytes can judge a proof.
   * One verdict a chunk, in their order. Rejects only with the signal's reason.
   */
  audit(target: AuditTarget, signal: AbortSignal): Promise<readonly AuditVerdict[]>;
};
