// What the client library counts: a narrow sink that a program connects to its own metrics.
import type { RequestKind } from "../network/peers.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { PutRefusal } from "./errors.ts";

/** How a vault broke the rules: bytes of another address, a receipt or answer that does not hold. */
export type FaultKind = "wrong-bytes" | "bad-receipt" | "bad-reply";

export type ClientMetrics = {
  /** A chunk's put ended; `copies`: receipts of distinct nodes; `seconds` until it was acknowledged or given up. */
  chunkPut(result: "stored" | "held" | "failed", copies: number, seconds: number): void;
  /** A chunk's read ended. */
  chunkRead(result: "found" | "not-found" | "damaged" | "failed", seconds: number): void;
  copyRefused(peer: PeerId, reason: PutRefusal["reason"]): void;
  /** A second holder was asked beside the first. */
  hedged(why: "late" | "suspected"): void;
  fault(peer: PeerId, kind: FaultKind): void;
  /** A message sent, and the chunk bytes in it. */
  sent(kind: RequestKind, chunkBytes: number): void;
  received(chunkBytes: number): void;
};

/** Counts nothing. */
export const silentMetrics: ClientMetrics = {
  chunkPut: () => {},
  chunkRead: () => {},
  copyRefused: () => {},
  hedged: () => {},
  fault: () => {},
  sent: () => {},
  received: () => {},
};
