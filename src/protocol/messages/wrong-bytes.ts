// wrong-bytes: a customer tells a holder that another node sent it other bytes than those of a chunk. It proves nothing; whoever
// hears it may challenge that node for the chunk, and only what the challenge shows counts.
import { z } from "zod";
import type { Address } from "../address.ts";
import { putGrantSizeMax } from "../grant.ts";
import type { PeerId } from "../peer-id.ts";
import { wireAddress, wireBytes, wirePeerId } from "../wire-types.ts";

/** `grant`: the teller's own, without which nobody listens; `peer`: who sent the bytes. */
export type WrongBytesRequest = { readonly grant: Uint8Array; readonly peer: PeerId; readonly chunk: Address };
export const wrongBytesRequest: z.ZodType<WrongBytesRequest> = z.object({
  grant: wireBytes(putGrantSizeMax),
  peer: wirePeerId,
  chunk: wireAddress,
});

/** Whether the node was challenged for it. */
export type WrongBytesReply = { readonly challenged: boolean };
export const wrongBytesReply: z.ZodType<WrongBytesReply> = z.object({ challenged: z.boolean() });
