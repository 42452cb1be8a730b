// What can go wrong between peers, as one error class with a closed set of codes.
import type { PeerId } from "../protocol/peer-id.ts";

/**
 * unreachable: no connection could be made · timeout: no answer in time · closed: the connection ended first ·
 * refused: the peer's handler failed or has none · too-large: over a size limit · busy: too much in flight at the peer ·
 * protocol: the peer broke the protocol · stopped: this side is stopping · aborted: the caller gave up.
 */
export type NetworkErrorCode = "unreachable" | "timeout" | "closed" | "refused" | "too-large" | "busy" | "protocol" | "stopped" | "aborted";

/** A request that got no answer. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code: NetworkErrorCode;
  readonly peer: PeerId | undefined;
  constructor(code: NetworkErrorCode, message: string, facts: { peer?: PeerId | undefined; cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.peer = facts.peer;
  }
}

/** What the asker is told of an error that a handler threw: that it may ask again in a moment, or that it is refused. */
export function codeOfThrown(cause: unknown): "busy" | "refused" {
  return cause instanceof Error && "code" in cause && cause.code === "busy" ? "busy" : "refused";
}
