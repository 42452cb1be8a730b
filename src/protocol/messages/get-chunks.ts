// get-chunks: the bytes of chunks that a node holds. Found chunks travel beside the answer, in the order of `found`.
import { z } from "zod";
import type { Address } from "../address.ts";
import { chunksPerMessageMax } from "../limits.ts";
import type { PeerId } from "../peer-id.ts";
import { wireAddress, wirePeerId } from "../wire-types.ts";

export type GetChunksRequest = { readonly chunks: readonly Address[] };
export const getChunksRequest: z.ZodType<GetChunksRequest> = z.object({ chunks: z.array(wireAddress).min(1).max(chunksPerMessageMax) });

/** Not held; held but unreadable; left out because the answer would be too large (ask again for those). */
export const missingReasons = ["not-held", "damaged", "too-much"] as const;
export type MissingReason = (typeof missingReasons)[number];

/** A chunk for which the node has only a pointer, and who took it when this one had no room; a hint, to be verified as always. */
export type ChunkElsewhere = { readonly chunk: Address; readonly peer: PeerId };
export const chunkElsewhere: z.ZodType<ChunkElsewhere> = z.object({ chunk: wireAddress, peer: wirePeerId });

/** `elsewhere`: of those not held; absent from older nodes. */
export type GetChunksReply = {
  readonly found: readonly Address[];
  readonly missing: readonly { readonly chunk: Address; readonly reason: MissingReason }[];
  readonly elsewhere?: readonly ChunkElsewhere[] | undefined;
};
export const getChunksReply: z.ZodType<GetChunksReply> = z.object({
  found: z.array(wireAddress).max(chunksPerMessageMax),
  missing: z.array(z.object({ chunk: wireAddress, reason: z.enum(missingReasons) })).max(chunksPerMessageMax),
  elsewhere: z.array(chunkElsewhere).max(chunksPerMessageMax).optional(),
});
