// When the asker goes away, the work for it ends.
import type { FastifyReply } from "fastify";
import { GatewayError } from "./errors.ts";

/** A signal that aborts when the connection closes before the answer was sent, or did so before this was called. */
export function requestSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  const leave = (): void => {
    if (!raw.writableFinished) gone.abort(new GatewayError("aborted", "the asker went away"));
  };
  // Told once only: a request may have waited elsewhere (for a count that gateways share) while its asker left.
  if (raw.destroyed) leave();
  else raw.once("close", leave);
  return gone.signal;
}
