// What can go wrong for a customer of the network, as one error class with a closed set of codes and the facts behind it.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { RefusalReason } from "../protocol/receipt.ts";

/**
 * insufficient-copies: fewer receipts than `min` · not-found: so many holders lack it that none can have it · damaged: only wrong bytes were found, or
 * a map that does not fit its chunks · key-needed: a private object asked for without its key · wrong-key: the key does
 * not open the root map · empty: nothing to store · too-large: over the limit · wrong-size: the source had other than the
 * declared bytes · spool-full: no disk room for a source of unknown
 * size · wrong-hash: the bytes do not have this address · bad-range: outside the object · not-ready: too few
 * live nodes · busy: too much is encrypted and read at once · too-slow: others wait for memory, and the source gives or the reader takes too
 * little · aborted: the caller gave up · stopped: the client is stopping.
 */
export type ClientErrorCode =
  | "insufficient-copies"
  | "not-found"
  | "damaged"
  | "key-needed"
  | "wrong-key"
  | "empty"
  | "too-large"
  | "wrong-size"
  | "spool-full"
  | "wrong-hash"
  | "bad-range"
  | "not-ready"
  | "busy"
  | "too-slow"
  | "aborted"
  | "stopped";

/** Who did not store a chunk, and why: a vault's own reason or what happened to the request. */
export type PutRefusal = { readonly peer: PeerId; readonly reason: RefusalReason | "unreachable" | "timeout" | "bad-receipt" };

export type ClientErrorFacts = {
  readonly cause?: unknown;
  readonly chunk?: Address;
  readonly copies?: { readonly have: number; readonly need: number };
  readonly refusals?: readonly PutRefusal[];
};

/** A put or get that did not succeed. The message says what happened and what to do, without keys or content. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  readonly facts: ClientErrorFacts;
  constructor(code: ClientErrorCode, message: string, facts: ClientErrorFacts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }
}
