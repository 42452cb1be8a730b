// get-chunks: the bytes of chunks that a node holds. Found chunks travel beside the answer, in the order of `found`.
import { z } from "zod";
import type { Address } from "../address.ts";
import { chunksPerMessageMax } from "../limits.ts";
import { wireAddress } from "../wire-types.ts";

export type GetChunksRequest = { readonly chunks: readonly Address[] };
export const getChunksRequest: z.ZodType<GetChunksRequest> = z.object({ chunks: z.array(wireAddress).min(1).max(chunksPerMessageMax) });

/** Not held; held but unreadable; left out because the answer would be too large (ask again for those). */
export const missingReasons = ["not-held", "damaged", "too-much"] as const;
export type MissingReason = (typeof missingReasons)[number];

export type GetChunksReply = {
  readonly found: readonly Address[];
  readonly missing: readonly { readonly chunk: Address; readonly reason: MissingReason }[];
};
export const getChunksReply: z.ZodType<GetChunksReply> = z.object({
  found: z.array(wireAddress).max(chunksPerMessageMax),
  missing: z.array(z.object({ chunk: wireAddress, reason: z.enum(missingReasons) })).max(chunksPerMessageMax),
});
