// What the main thread and the lane worker say to each other. Chunks over shared buffers are posted without a copy, small
// ones moved; received buffers come back for reuse. Lanes are named by numbers that the main thread gives.
import type { Address } from "../../protocol/address.ts";
import type { ChunkBuffer } from "./chunk-buffers.ts";

/** Where bulk flows on a lane, seen from this side. */
export type LaneRole = "send" | "receive";

/** A secret for one lane: the identity travels in the clear and names it, the key (32 bytes) never does. */
export type LaneToken = { readonly identity: string; readonly key: Uint8Array };

type LaneTransfer = { readonly lane: number; readonly transfer: number };

/** `window`: bytes of requests that the peer may have under way on it. */
type LaneOpening = { readonly lane: number; readonly role: LaneRole; readonly token: LaneToken; readonly window: number };

export type ToLaneWorker =
  | { readonly type: "listen"; readonly ip: string; readonly port: number }
  /** Lets one handshake with this token in, within `lifeMs`. */
  | (LaneOpening & { readonly type: "admit"; readonly lifeMs: number })
  | (LaneOpening & { readonly type: "dial"; readonly ip: string; readonly port: number })
  /** `note`: a frame that goes before the chunks; `answers`: the peer's request that it ends, undefined for a request of ours. */
  | (LaneTransfer & {
      readonly type: "send";
      readonly chunks: readonly Uint8Array[];
      readonly note?: Uint8Array;
      readonly answers?: number | undefined;
      /** They come back for reuse, as with `recycle`. */
      readonly buffers?: readonly ChunkBuffer[];
    })
  /** Takes a transfer back: what is not sent yet is not sent. */
  | (LaneTransfer & { readonly type: "cancel" })
  | (LaneTransfer & { readonly type: "expect"; readonly lengths: readonly number[]; readonly buffers: readonly ChunkBuffer[] })
  /** Nobody waits for a transfer any more: its bytes are read and dropped. */
  | (LaneTransfer & { readonly type: "forget" })
  | { readonly type: "recycle"; readonly buffers: readonly ChunkBuffer[] }
  | { readonly type: "drop"; readonly lane: number }
  | { readonly type: "close" };

export type FromLaneWorker =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "not-listening"; readonly why: string }
  | { readonly type: "opened"; readonly lane: number }
  /** Ends every lane once, opened or not. */
  | { readonly type: "closed"; readonly lane: number; readonly why: string }
  /** No byte of these transfers is needed any more; `unsent`: they were requests, and the peer will never have them. */
  | { readonly type: "let-go"; readonly lane: number; readonly transfers: readonly number[]; readonly unsent: boolean }
  | (LaneTransfer & { readonly type: "received"; readonly chunks: readonly Uint8Array[]; readonly hashes: readonly Address[] })
  /** A frame came on the lane itself, without its length; `chunks`: those that followed it. */
  | {
      readonly type: "noted";
      readonly lane: number;
      readonly note: Uint8Array;
      readonly chunks: readonly Uint8Array[];
      readonly hashes: readonly Address[];
    }
  /** The sender took the transfer back; `note`: the answer that announced it on the lane. */
  | (LaneTransfer & { readonly type: "revoked"; readonly note: Uint8Array | undefined });
