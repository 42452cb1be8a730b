// What a node publishes in its record for people to see how the farm is: the chunks it counts, what it is copying again,
// whom it suspects, what it has seen of others' vaults. By the last customers ask those last of whom most nodes think badly.
import { z } from "zod";
import type { Address } from "./address.ts";
import type { CopiesPolicy } from "./genesis.ts";
import type { VaultName } from "./keys.ts";
import type { PeerId } from "./peer-id.ts";
import { wireAddress, wireCount, wirePeerId } from "./wire-types.ts";

/**
 * Chunks by their live copies on nodes that stay. A chunk is counted by one node only, its closest live holder, so that the sum over all nodes
 * is the farm; one that has no live holder is counted by nobody.
 */
export type CopyFigures = {
  /** `live[n]`: chunks with n live copies; the last one: so many or more. */
  readonly live: readonly number[];
  /** Not everything here has been counted: just started, when nothing is (older nodes: little), or more than is remembered. */
  readonly partial: boolean;
  /** Of those with fewer than `min`: chunks that have `min` or more with the copies on nodes that leave, which can be read as long as these run. Absent from older nodes. */
  readonly onLeavers?: number | undefined;
  /** Chunks that this node is copying again, the bytes that wait for it, and how long that takes at its pace. */
  readonly repairing: number;
  readonly bytesLeft: number;
  readonly etaMs: number;
  /** Chunks below target for which a silent node is waited for, and for how long still; null where nobody can tell. */
  readonly waiting: number;
  readonly dueMs: number | null;
};

/** What is decided by: chunks with fewer than `min` copies, and the fewest of any chunk, on nodes that stay. */
export type LowCopies = { readonly belowMin: number; readonly lowest: number };

/** The low figures of a count, or of sums of counts. Pure. */
export function lowCopies({ live, onLeavers = 0 }: Pick<CopyFigures, "live" | "onLeavers">, policy: CopiesPolicy): LowCopies {
  // A copy on a node that leaves can be read until it goes, and nobody goes before it is made elsewhere.
  const belowMin = live.slice(0, policy.min).reduce((sum, chunks) => sum + chunks, 0) - onLeavers;
  const lowest = live.findIndex((chunks) => chunks > 0);
  // Who has no chunks lacks none.
  return { belowMin, lowest: lowest === -1 ? policy.max : lowest };
}

/** How a node sees another's vault. `score`, `conduct`, `honesty` (conduct by what it showed alone; absent from older nodes): thousandths. */
export type SeenFigures = {
  readonly vault: VaultName;
  readonly score: number;
  readonly conduct: number;
  readonly honesty?: number | undefined;
  readonly age: number;
};

/** What a node was at fault for, as counted here since the start, worst first; kinds as in peer-faults.ts, or later ones. */
export type FaultFigures = {
  readonly peer: PeerId;
  readonly counts: readonly { readonly fault: string; readonly count: number }[];
};

export type NodeFigures = {
  /** Null where the node does not look after copies. */
  readonly copies: CopyFigures | null;
  /** Nodes that it has not heard of for seconds. */
  readonly suspects: readonly PeerId[];
  readonly seen: readonly SeenFigures[];
  /** Absent from older nodes, and where nobody is at fault. */
  readonly faults?: readonly FaultFigures[] | undefined;
};

/** Counts by live copies: policies go up to 32. */
export const liveFiguresMax = 33;
/** Suspects named at most: with more of them the map shows it anyway. About 55 bytes each. */
export const suspectsMax = 16;
/** Vaults of others named at most, worst first: about 60 bytes each. */
export const seenFiguresMax = 24;

/** Nodes named at most with their faults, and kinds of one: about 100 bytes each. */
export const faultyNodesMax = 16;
const faultKindsMax = 16;
const faultNameMax = 24;

const thousandths = z.int().min(0).max(1000);

export const nodeFigures: z.ZodType<NodeFigures> = z.object({
  copies: z
    .object({
      live: z.array(wireCount).max(liveFiguresMax),
      partial: z.boolean(),
      onLeavers: wireCount.optional(),
      repairing: wireCount,
      bytesLeft: wireCount,
      etaMs: wireCount,
      waiting: wireCount,
      dueMs: wireCount.nullable(),
    })
    .nullable(),
  suspects: z.array(wirePeerId).max(suspectsMax),
  seen: z
    .array(
      z.object({
        vault: wireAddress as z.ZodType<Address>,
        score: thousandths,
        conduct: thousandths,
        honesty: thousandths.optional(),
        age: z.int().min(0).max(64),
      }),
    )
    .max(seenFiguresMax),
  faults: z
    .array(
      z.object({
        peer: wirePeerId,
        counts: z.array(z.object({ fault: z.string().max(faultNameMax), count: wireCount })).max(faultKindsMax),
      }),
    )
    .max(faultyNodesMax)
    .optional(),
});
