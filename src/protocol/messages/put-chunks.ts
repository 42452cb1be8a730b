// put-chunks: all chunks of one request that go to one node, in one message. The bytes travel beside the body, in the
// order in which the groups list them; the answer holds one receipt a vault, and signed refusals.
import { z } from "zod";
import type { Address } from "../address.ts";
import { putGrantSizeMax } from "../grant.ts";
import type { VaultName } from "../keys.ts";
import { chunksPerMessageMax, receiptSizeMax, vaultsPerNodeMax } from "../limits.ts";
import { type RefusalReason, refusalReasons } from "../receipt.ts";
import { wireAddress, wireBytes } from "../wire-types.ts";

/** `grant`: the sender's grant (protocol/grant.ts), null where it has none. */
export type PutChunksRequest = {
  readonly grant: Uint8Array | null;
  readonly groups: readonly { readonly vault: VaultName; readonly chunks: readonly Address[] }[];
};
export const putChunksRequest: z.ZodType<PutChunksRequest> = z.object({
  grant: wireBytes(putGrantSizeMax).nullable(),
  groups: z
    .array(z.object({ vault: wireAddress, chunks: z.array(wireAddress).min(1).max(chunksPerMessageMax) }))
    .min(1)
    .max(vaultsPerNodeMax),
});

/** `receipt`: signed, over every chunk of the group that is now kept durably, null where none is; `refusals`: signed, one a reason. */
export type PutGroupReply = {
  readonly vault: VaultName;
  readonly receipt: Uint8Array | null;
  readonly refused: readonly { readonly chunk: Address; readonly reason: RefusalReason }[];
  readonly refusals: readonly Uint8Array[];
};
export type PutChunksReply = { readonly groups: readonly PutGroupReply[] };
export const putChunksReply: z.ZodType<PutChunksReply> = z.object({
  groups: z
    .array(
      z.object({
        vault: wireAddress,
        receipt: wireBytes(receiptSizeMax).nullable(),
        refused: z.array(z.object({ chunk: wireAddress, reason: z.enum(refusalReasons) })).max(chunksPerMessageMax),
        refusals: z.array(wireBytes(receiptSizeMax)).max(refusalReasons.length),
      }),
    )
    .max(vaultsPerNodeMax),
});
