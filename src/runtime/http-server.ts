// A small plain HTTP server for machines: health, metrics, commands. Everything has a limit, garbage gets an error or a
// closed connection, and a handler that throws costs one answer with status 500.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { listenError } from "./listen-error.ts";
import type { Log } from "./log.ts";

export type HttpRequest = {
  readonly method: string;
  /** Path with query, as it stood on the request line. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  header(name: string): string | undefined;
};

export type HttpAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes, or pieces that are sent as they come. */
  readonly body: string | Uint8Array | Iterable<string>;
};

export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer> | HttpAnswer;

export type HttpServerOptions = {
  /** What it is, for logs and errors: "health server". */
  readonly name: string;
  readonly ip: string;
  /** 0 = any free one. */
  readonly port: number;
  /** The setting that chooses the port, for the error where it is in use. */
  readonly portSetting: string;
  readonly bodyMax: number;
  readonly connectionsMax: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
};

export type HttpServer = { start(): Promise<void>; stop(): Promise<void> /** The real port once started. */; port(): number };

/** A server that answers every request through `handle`. Rejects at `start` with a `ListenError` where the port cannot be had. */
export function createHttpServer(options: HttpServerOptions, handle: HttpHandler, log: Log): HttpServer {
  const server = createServer({
    maxHeaderSize: 8192,
    headersTimeout: options.requestTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: Math.min(1000, options.requestTimeoutMs),
  });
  server.maxConnections = options.connectionsMax;
  server.maxRequestsPerSocket = 10_000;
  // A peer that sends nothing, or reads nothing of its answer, must not hold a connection for ever.
  server.setTimeout(options.requestTimeoutMs * 2, (socket) => socket.destroy());
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    else socket.destroy();
  });
  server.on("request", (request, response) => {
    answer(request, response, options, handle).catch((cause: unknown) => {
      log.debug("a request ended without an answer", { server: options.name, cause });
      response.destroy();
    });
  });
  const answer = async (
    incoming: IncomingMessage,
    response: ServerResponse,
    limits: HttpServerOptions,
    run: HttpHandler,
  ): Promise<void> => {
    const request = await readRequest(incoming, limits.bodyMax);
    await send(response, "status" in request ? request : await runHandler(run, request, options.name, log), incoming.method === "HEAD");
  };
  return {
    start: () => listen(server, options),
    stop: () => close(server),
    port: () => (server.address() as AddressInfo | null)?.port ?? 0,
  };
}

async function runHandler(handle: HttpHandler, request: HttpRequest, server: string, log: Log): Promise<HttpAnswer> {
  try {
    return await handle(request);
  } catch (cause) {
    log.error("a request failed", { server, path: request.path, cause });
    return problemAnswer(500, "internal", "the request failed here; the log says why");
  }
}

async function readRequest(incoming: IncomingMessage, bodyMax: number): Promise<HttpRequest | HttpAnswer> {
  const target = incoming.url ?? "/";
  if (!URL.canParse(target, "http://node")) return problemAnswer(400, "bad-target", "the request line holds no path");
  const url = new URL(target, "http://node");
  const body = await readBody(incoming, bodyMax);
  if (body === undefined) return problemAnswer(413, "too-large", `a body has at most ${bodyMax} bytes here`);
  const header = (name: string): string | undefined => {
    const value = incoming.headers[name];
    return Array.isArray(value) ? value.join(",") : value;
  };
  return { method: incoming.method ?? "GET", target, path: url.pathname, query: url.searchParams, body, header };
}

async function readBody(incoming: IncomingMessage, bodyMax: number): Promise<Uint8Array | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  // The request is not destroyed on the way out: that would close the socket before the answer.
  for await (const piece of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > bodyMax) return undefined;
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

async function send(response: ServerResponse, answer: HttpAnswer, headOnly: boolean): Promise<void> {
  const { status, headers = {}, body } = answer;
  const whole = typeof body === "string" ? Buffer.from(body) : body instanceof Uint8Array ? body : undefined;
  const close = status === 413 ? { connection: "close" } : {};
  response.writeHead(status, { ...headers, ...close, ...(whole === undefined ? {} : { "content-length": whole.length }) });
  if (headOnly) response.end();
  else if (whole !== undefined) response.end(whole);
  else await pipeline(Readable.from(body as Iterable<string>), response);
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, value: unknown): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** A problem document (RFC 9457) with a stable `code`. */
export function problemAnswer(status: number, code: string, detail: string): HttpAnswer {
  return { status, headers: { "content-type": "application/problem+json" }, body: JSON.stringify({ status, code, detail }) };
}

function listen(server: Server, options: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => reject(listenError(cause, options));
    server.once("error", failed);
    server.listen({ host: options.ip, port: options.port, backlog: 64 }, () => {
      server.off("error", failed);
      server.on("error", () => server.closeIdleConnections());
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
