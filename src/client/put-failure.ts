// What a put that found too few holders says: how many it has and needs, who did not take the chunk, and why.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { ClientError, type PutRefusal } from "./errors.ts";
import type { CopyAttempt } from "./put-decision.ts";

export type PutFailureFacts = {
  readonly chunk: Address;
  readonly min: number;
  readonly attempts: ReadonlyMap<PeerId, CopyAttempt>;
  /** Nodes that take chunks as far as this side knows. */
  readonly reachable: number;
};

// More would make the message unreadable; the facts name all.
const namedMax = 8;

/** The error `insufficient-copies`, such as "insufficient copies (2 of 4): 12D3…: full". */
export function putFailure({ chunk, min, attempts, reachable }: PutFailureFacts): ClientError {
  const refusals: readonly PutRefusal[] = [...attempts].flatMap(([peer, { state, reason }]) =>
    state === "stored" ? [] : [{ peer, reason: reason ?? "timeout" }],
  );
  const have = attempts.size - refusals.length;
  const why = refusals.slice(0, namedMax).map(({ peer, reason }) => `${peer}: ${reason}`);
  if (reachable < min) why.push(`only ${reachable} ${reachable === 1 ? "node takes" : "nodes take"} chunks now`);
  const message = `insufficient copies (${have} of ${min})${why.length === 0 ? "" : `: ${why.join(", ")}`}`;
  return new ClientError("insufficient-copies", message, { chunk, copies: { have, need: min }, refusals });
}
