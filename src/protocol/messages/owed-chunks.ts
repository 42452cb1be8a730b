// owed-chunks: whether the node asked has looked through its chunks since it knows the asker, and how many of them it
// still has to send there. A vault that joins is complete once nobody owes it anything.
import { z } from "zod";
import { wireCount } from "../wire-types.ts";

/** About the asker itself, whose identity the connection proves. `startCounter`: of its present start. */
export type OwedChunksRequest = { readonly startCounter: number };
export const owedChunksRequest: z.ZodType<OwedChunksRequest> = z.object({ startCounter: wireCount });

/** `looked`: every chunk here was looked at with the asker in view; `owed`: chunks that this node will send it, as far as it knows. */
export type OwedChunksReply = { readonly looked: boolean; readonly owed: number };
export const owedChunksReply: z.ZodType<OwedChunksReply> = z.object({ looked: z.boolean(), owed: wireCount });
