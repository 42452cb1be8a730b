// leaver-chunks: a second source, one of the nodes that stay, asks the node that is to stop and its other holders for fingerprints of
// what they should both hold once it is gone, and passes those of the one on to the other: so it learns which chunks would be
// missing without being told which there are.
import { z } from "zod";
import { hashLength } from "../hash.ts";
import { compareRangesMax, leaverAroundMax } from "../limits.ts";
import type { PeerId } from "../peer-id.ts";
import { wireBytes, wireCount, wirePeerId } from "../wire-types.ts";
import { type CompareChunksReply, compareChunksReply, type FingerprintedRange, fingerprintedRange } from "./compare-chunks.ts";

/**
 * inventory: of the node asked, which is to stop · ranges: as in compare-chunks, over what the node asked holds and `leaver` and
 * `other` should hold; `other` = `leaver`: whoever else should · `other` null: chunks of the leaver that are none of its own.
 */
export type LeaverChunksRequest =
  | { readonly kind: "inventory" }
  | { readonly kind: "ranges"; readonly leaver: PeerId; readonly other: PeerId | null; readonly ranges: readonly FingerprintedRange[] };

/** `around`: the nodes around its chunks; `inventory`: the root of its range digests (safe-to-stop.ts). */
export type LeaverChunksReply =
  | { readonly kind: "inventory"; readonly count: number; readonly inventory: Uint8Array; readonly around: readonly PeerId[] }
  | { readonly kind: "ranges"; readonly found: CompareChunksReply };

export const leaverChunksRequest: z.ZodType<LeaverChunksRequest> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("inventory") }),
  z.object({
    kind: z.literal("ranges"),
    leaver: wirePeerId,
    other: wirePeerId.nullable(),
    ranges: z.array(fingerprintedRange).min(1).max(compareRangesMax),
  }),
]);

export const leaverChunksReply: z.ZodType<LeaverChunksReply> = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("inventory"),
    count: wireCount,
    inventory: wireBytes(hashLength).refine(({ length }) => length === hashLength, "a hash"),
    around: z.array(wirePeerId).max(leaverAroundMax),
  }),
  z.object({ kind: z.literal("ranges"), found: compareChunksReply }),
]);
