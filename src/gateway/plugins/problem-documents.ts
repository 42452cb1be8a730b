// Every error leaves as a problem document (RFC 9457) with a stable code, is counted, and is logged once: by what failed
// and where in the program, never by address or path, because those may hold keys.
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { GatewayError, problemDocument, toGatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { lingerMs } from "../limits.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { isRead, readableHeaders } from "./cross-origin.ts";
import { securityHeaders } from "./security-headers.ts";

type Parts = { readonly log: Log; readonly clock: Clock; readonly metrics: GatewayMetrics };

/** Sets the answers for errors and for paths that do not exist. */
export function addProblemDocuments(app: App, parts: Parts): void {
  const answer = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = toGatewayError(thrown);
    const problem = problemDocument(error);
    const route = request.routeOptions.url ?? "none";
    const fields = { code: error.code, route, method: request.method, cause: error.cause };
    if (error.code === "internal") parts.log.error("a request failed", fields);
    else parts.log.debug("a request was refused", fields);
    parts.metrics.problems.add({ code: error.code });
    endUnreadBody(request, parts.clock);
    // What was meant for the success must not describe the error.
    for (const name of ["content-length", "content-range", "etag", "content-disposition", "accept-ranges"]) reply.removeHeader(name);
    const anyone = isRead(request.method) ? readableHeaders : {};
    reply.headers({ ...securityHeaders, ...anyone, "cache-control": "no-store", ...error.headers });
    return reply
      .code(problem.status)
      .header("content-type", "application/problem+json")
      .send(Buffer.from(JSON.stringify(problem)));
  };
  app.setErrorHandler(answer);
  app.setNotFoundHandler((request, reply) => answer(new GatewayError("no-such-page", "there is nothing at this path"), request, reply));
}

/** A sender that is still sending must be able to read the answer: its bytes are read away for a while, then the connection ends. */
function endUnreadBody({ raw }: FastifyRequest, clock: Clock): void {
  if (raw.complete || raw.destroyed) return;
  raw.on("error", () => {});
  raw.resume();
  const timer = clock.after(lingerMs, () => raw.destroy());
  raw.once("close", () => timer.cancel());
}
