// What the main thread and the lane worker say to each other. Chunks over shared buffers are posted without a copy, small
// ones moved; received buffers come back for reuse. Lanes are named by numbers that the main thread gives.
import type { Address } from "../../protocol/address.ts";
import type { ChunkBuffer } from "./chunk-buffers.ts";

/** Where bulk flows on a lane, seen from this side. */
export type LaneRole = "send" | "receive";

/** A secret for one lane: the identity travels in the clear and names it, the key (32 bytes) never does. */
export type LaneToken = { readonly identity: string; readonly key: Uint8Array };

type LaneTransfer = { readonly lane: number; readonly transfer: number };

export type ToLaneWorker =
  | { readonly type: "listen"; readonly ip: string; readonly port: number }
  /** Lets one handshake with this token in, within `lifeMs`. */
  | { readonly type: "admit"; readonly lane: number; readonly role: LaneRole; readonly token: LaneToken; readonly lifeMs: number }
  | {
      readonly type: "dial";
      readonly lane: number;
      readonly role: LaneRole;
      readonly token: LaneToken;
      readonly ip: string;
      readonly port: number;
    }
  | (LaneTransfer & { readonly type: "send"; readonly chunks: readonly Uint8Array[] })
  /** Takes a transfer back: what is not sent yet is not sent. */
  | (LaneTransfer & { readonly type: "cancel" })
  /** `buffers` come back for reuse, as with `recycle`. */
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
  /** No byte of these transfers is needed any more. */
  | { readonly type: "let-go"; readonly lane: number; readonly transfers: readonly number[] }
  | (LaneTransfer & { readonly type: "received"; readonly chunks: readonly Uint8Array[]; readonly hashes: readonly Address[] })
  /** The sender took the transfer back. */
  | (LaneTransfer & { readonly type: "revoked" });
