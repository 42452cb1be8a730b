// When the asker goes away, the work for it ends.
import type { FastifyReply } from "fastify";
import { GatewayError } from "./errors.ts";

/** A signal that aborts when the connection closes before the answer was sent. */
export function requestSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort(new GatewayError("aborted", "the asker went away"));
  });
  return gone.signal;
}
