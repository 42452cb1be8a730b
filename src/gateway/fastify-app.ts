// The bare HTTP application: limits, bodies that stay streams, schemas by zod, and problem documents for what Node and
// the framework refuse by themselves.
import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { GatewayError, type ProblemCode, problemDocument } from "./errors.ts";
import { connectionsMax, pathSegmentMax, type SocketPatience } from "./limits.ts";

export type App = FastifyInstance;

/** An application without routes. Forwarded headers count only from `trustedProxies`. */
export function createFastifyApp(trustedProxies: readonly string[], { headersMs, checkMs, idleMs }: SocketPatience): App {
  const app = Fastify({
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    routerOptions: { maxParamLength: pathSegmentMax, ignoreTrailingSlash: false },
    forceCloseConnections: "idle",
    // Who comes over a connection that was busy when the port was shut is answered too, and told that it ends.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // A large upload may take hours: bodies have their own watch for standing still.
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    connectionTimeout: 0,
    http: { maxHeaderSize: 16_384, headersTimeout: headersMs, connectionsCheckingInterval: checkMs },
    clientErrorHandler: refuseOnSocket,
    frameworkErrors: (error, _request, reply) => {
      const problem = problemDocument(new GatewayError("bad-request", "the request line is malformed", { cause: error }));
      const { raw } = reply as FastifyReply;
      raw
        .writeHead(problem.status, { "content-type": "application/problem+json", "cache-control": "no-store" })
        .end(JSON.stringify(problem));
    },
  });
  app.server.maxConnections = connectionsMax;
  // Not for every request, as the server's own time limit: an answer that leaves at once needs none.
  app.addHook("preHandler", ({ raw }, _reply, done) => {
    watchIdle(raw.socket, idleMs);
    done();
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  return app;
}

/** Ends a connection on which nothing is sent or received for so long, milliseconds, before the request is answered. */
export function watchIdle(socket: Socket, idleMs: number): void {
  // Requests of tests may come without a socket that waits.
  socket.setTimeout?.(idleMs);
}

const socketCodes: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: "headers-too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "slow-upload",
};

/** Bytes that are no HTTP at all: one problem document and the end of the connection. Behind half an answer it would be read as part of that. */
function refuseOnSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering(socket)) return void socket.destroy();
  const code = socketCodes[error.code ?? ""] ?? "bad-request";
  const problem = problemDocument(new GatewayError(code, "this is not a request the gateway can read"));
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  socket.end(head + body);
}

function isAnswering(socket: Socket): boolean {
  // No public name leads from a socket to its answer; Node's own handler goes by this one.
  const answer: unknown = Reflect.get(socket, "_httpMessage");
  return answer instanceof ServerResponse && answer.headersSent && !answer.writableEnded;
}
