// How much reconciliation may cost, and how often it runs.
import { strict as assert } from "node:assert";
import { auditChunksMax, compareListsBytesMax, comparePartsMax } from "../../protocol/limits.ts";

export type ReconciliationLimits = {
  /** Addresses up to which a differing range is listed, not cut: 1 KiB, about what cutting once more would cost, and a round less. */
  readonly listItemsMax: number;
  /** Cuts from the whole to a difference: 5 suffice for 10^6 chunks; more is a peer that leads on. */
  readonly depthMax: number;
  /** Messages of one comparison, and differences it brings home; the rest is for the next one. */
  readonly messagesMax: number;
  readonly differencesMax: number;
  readonly timeoutMs: number;
  /** Messages a peer may send a second in the long run, and at once: a comparison takes about three. */
  readonly ratePerPeer: number;
  readonly burstPerPeer: number;
  /** After a change of places: how long to wait for more of them, and how long to rest between two pages. */
  readonly replaceDelayMs: number;
  readonly pageRestMs: number;
  /** In how long each peer has its turn, and least time between two turns. */
  readonly roundMs: number;
  readonly turnMsMin: number;
  /** How often a peer is challenged at most, for how many chunks and bytes: two largest chunks are the most read at a time. */
  readonly auditEveryMs: number;
  readonly auditChunksMax: number;
  readonly auditBytesMax: number;
  /** The same for a peer that has just given a wrong proof: enough for a verdict, and within what it reads for one auditor at once. */
  readonly closerChunksMax: number;
  readonly closerBytesMax: number;
  /** What a peer put off this often and for this long, one after another, milliseconds, counts as not shown (scores/put-offs.ts). */
  readonly putOffsMin: number;
  readonly patienceMs: number;
  /** Chunks stored more recently may still be on their way to their other holders. */
  readonly settleMs: number;
};

export const reconciliationLimits: ReconciliationLimits = {
  listItemsMax: 32,
  depthMax: 12,
  messagesMax: 256,
  differencesMax: 8192,
  timeoutMs: 10_000,
  ratePerPeer: 20,
  burstPerPeer: 512,
  replaceDelayMs: 1000,
  pageRestMs: 5,
  roundMs: 180_000,
  turnMsMin: 1000,
  auditEveryMs: 600_000,
  auditChunksMax: 8,
  auditBytesMax: 8 * 2 ** 20,
  closerChunksMax: auditChunksMax,
  closerBytesMax: 48 * 2 ** 20,
  putOffsMin: 5,
  // Ten rounds: far longer than a statement that a node may be stopped, and its audits, keep a holder busy.
  patienceMs: 1_800_000,
  settleMs: 30_000,
};

/** The limits of a node in which each peer has its turn once in `roundMs`: audits and patience keep their relation to it. Pure. */
export function limitsOfRound(roundMs: number): Pick<ReconciliationLimits, "roundMs" | "auditEveryMs" | "patienceMs"> {
  const scale = roundMs / reconciliationLimits.roundMs;
  return { roundMs, auditEveryMs: reconciliationLimits.auditEveryMs * scale, patienceMs: reconciliationLimits.patienceMs * scale };
}

assert(reconciliationLimits.listItemsMax * 32 <= compareListsBytesMax, "a list must fit an answer");
assert(comparePartsMax ** reconciliationLimits.depthMax > Number.MAX_SAFE_INTEGER / 64, "an honest peer converges within the depth");
assert(reconciliationLimits.messagesMax <= reconciliationLimits.burstPerPeer, "a largest comparison is within a peer's share");
