// has-chunks: which of these chunks a node holds, with sizes and, where asked, fresh receipts; how an interrupted upload
// learns what need not be sent again.
import { z } from "zod";
import type { Address } from "../address.ts";
import type { VaultName } from "../keys.ts";
import { addressesPerRequestMax, receiptSizeMax, vaultsPerNodeMax } from "../limits.ts";
import { wireAddress, wireBytes, wireChunkSize } from "../wire-types.ts";
import { type ChunkElsewhere, chunkElsewhere } from "./get-chunks.ts";

/**
 * `receipts`: whether the holder shall sign for what it has (it reads nothing from disk for that: see scrub and audit).
 * `sending`: the asker is about to send what is not held; absent from older nodes.
 */
export type HasChunksRequest = { readonly chunks: readonly Address[]; readonly receipts: boolean; readonly sending?: boolean | undefined };
export const hasChunksRequest: z.ZodType<HasChunksRequest> = z.object({
  chunks: z.array(wireAddress).min(1).max(addressesPerRequestMax),
  receipts: z.boolean(),
  sending: z.boolean().optional(),
});

/**
 * `size` in bytes; `receipts`: one a vault; `elsewhere`: not held, but known to lie elsewhere; `coming`: not held, but another node
 * is sending it, said only to who is `sending`. The last two are absent from older nodes.
 */
export type HasChunksReply = {
  readonly held: readonly { readonly chunk: Address; readonly vault: VaultName; readonly size: number }[];
  readonly receipts: readonly Uint8Array[];
  readonly elsewhere?: readonly ChunkElsewhere[] | undefined;
  readonly coming?: readonly Address[] | undefined;
};
export const hasChunksReply: z.ZodType<HasChunksReply> = z.object({
  held: z.array(z.object({ chunk: wireAddress, vault: wireAddress, size: wireChunkSize })).max(addressesPerRequestMax),
  receipts: z.array(wireBytes(receiptSizeMax)).max(vaultsPerNodeMax),
  elsewhere: z.array(chunkElsewhere).max(addressesPerRequestMax).optional(),
  coming: z.array(wireAddress).max(addressesPerRequestMax).optional(),
});
