// list-chunks: what a node holds, page by page in order; how a second source checks a statement that a node may be stopped.
import { z } from "zod";
import { hashLength } from "../hash.ts";
import { inventoryPageItems } from "../limits.ts";
import { wireBytes } from "../wire-types.ts";

/** `after`: the last address of the page before, no bytes for the first page. */
export type ListChunksRequest = { readonly after: Uint8Array };
export const listChunksRequest: z.ZodType<ListChunksRequest> = z.object({
  after: wireBytes(hashLength).refine(({ length }) => length === 0 || length === hashLength, "an address, or nothing"),
});

/** `chunks`: addresses of 32 bytes each, ascending, all above `after`; `more`: whether there may be others behind them. */
export type ListChunksReply = { readonly chunks: Uint8Array; readonly more: boolean };
export const listChunksReply: z.ZodType<ListChunksReply> = z.object({
  chunks: wireBytes(inventoryPageItems * hashLength).refine(({ length }) => length % hashLength === 0, "whole addresses"),
  more: z.boolean(),
});
