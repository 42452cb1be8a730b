// GET and HEAD of an object: whole or one range, as bytes that strangers uploaded (sandboxed), with validators made of the
// public half of the address only.
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ByteRange } from "../../client/farm-client.ts";
import { type ObjectAddress, parseObjectAddress } from "../../protocol/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { chooseRange, type RangeChoice } from "../byte-range.ts";
import { type ContentType, contentTypes, parseContentType } from "../content-type.ts";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { objectHeaders, sendKnownObject } from "../known-object.ts";
import { downloadIdleMs } from "../limits.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { isNotModified } from "../not-modified.ts";
import { exactly, type ObjectReader, type ReadableObject } from "../object-reader.ts";
import { requestSignal } from "../request-signal.ts";
import { type SendParts, sendBytes, sendLentPieces } from "../send-pieces.ts";
import type { Slots } from "../slots.ts";
import { problemAnswers } from "./answer-schemas.ts";

export type ReadObjectParts = {
  readonly reader: ObjectReader;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, "downloadedBytes" | "slowClientsEnded">;
  /** A reader that takes nothing of a small object for so long loses its connection, milliseconds. */
  readonly idleMs: number;
};

const params: z.ZodType<{ address: string }> = z.object({
  address: z.string().describe("128 hexadecimal digits (root and key) or, for public objects, 64"),
});
const query: z.ZodType<{ type?: string | undefined }> = z.object({
  type: z
    .string()
    .optional()
    .describe(`how to serve it, one of ${contentTypes.join(", ")}`),
});

/** Adds the routes. */
export function addReadObject(app: App, parts: ReadObjectParts): void {
  const schema = {
    tags: ["objects"],
    summary: "Read an object, or one range of it",
    description:
      "Headers: Range (one range), If-None-Match, If-Range. The ETag is the first half of the address. Content is served sandboxed; types that a browser could run are not on offer. Of a large object at least 64 KiB/s should be taken: while others wait for memory, connections far below that are ended.",
    params,
    querystring: query,
    response: problemAnswers("bad-address", "bad-type", "key-needed", "not-found", "bad-range", "damaged", "not-ready", "busy"),
  };
  app.route({
    method: ["GET", "HEAD"],
    url: "/v1/objects/:address",
    schema,
    config: { binaryAnswer: true },
    // The schema is for the documents; both values are checked below, in less time than a schema takes.
    validatorCompiler: () => () => true,
    onRequest: (request, reply, done) => {
      if (!answerFromCache(request, reply, parts)) done();
    },
    handler: (request, reply) => readObject(request, reply, parts),
  });
}

function readObject(request: FastifyRequest, reply: FastifyReply, parts: ReadObjectParts): FastifyReply | Promise<FastifyReply> {
  const address = readAddress(request);
  const etag = etagOf(address);
  reply.headers(objectHeaders(readType(request))).header("etag", etag);
  if (isNotModified(request.headers["if-none-match"], etag)) return reply.code(304).send();
  // A size takes a slot as well: the maps of a large object are in memory until it is known.
  return parts.slots.run(() =>
    request.method === "HEAD"
      ? parts.reader.size(address, requestSignal(reply)).then((bytes) => sendHead(reply, bytes))
      : fetchAndSend(request, reply, address, parts),
  );
}

/** Answers at once who asks for all of an object in the cache; whether it did. Everybody else goes the long way. */
function answerFromCache(request: FastifyRequest, reply: FastifyReply, parts: ReadObjectParts): boolean {
  const { headers } = request;
  if (request.method !== "GET" || headers.range !== undefined || headers["if-none-match"] !== undefined) return false;
  const { address } = request.params as { address: string };
  const type = findType(request);
  const known = type === undefined ? undefined : parts.reader.cached(address);
  if (type === undefined || known === undefined || parts.slots.isFull()) return false;
  parts.metrics.downloadedBytes.add({}, known.bytes);
  sendKnownObject(reply, { content: known.content, etag: etagOf(address) }, type, parts.idleMs);
  // What has not left is held for a slow reader though the cache may drop it: as a download like any other.
  if (reply.raw.writableLength > 0) void parts.slots.run(() => closeOf(reply));
  return true;
}

function closeOf({ raw }: FastifyReply): Promise<void> {
  return new Promise((resolve) => raw.once("close", resolve));
}

// The first half only: the second is the key.
function etagOf(address: string): string {
  return `"${address.slice(0, 64)}"`;
}

function readAddress(request: FastifyRequest): ObjectAddress {
  const address = parseObjectAddress((request.params as { address: string }).address);
  if (address !== undefined) return address;
  throw new GatewayError("bad-address", "an object address has 128 (with key) or 64 (public) lower-case hexadecimal digits");
}

function readType(request: FastifyRequest): ContentType {
  const type = findType(request);
  if (type !== undefined) return type;
  const { type: given } = request.query as { type?: string | readonly string[] };
  if (typeof given !== "string") throw new GatewayError("bad-request", "type is given once");
  throw new GatewayError("bad-type", `type is one of ${contentTypes.join(", ")}`);
}

function findType(request: FastifyRequest): ContentType | undefined {
  const { type = "application/octet-stream" } = request.query as { type?: string | readonly string[] };
  return typeof type === "string" ? parseContentType(type) : undefined;
}

async function fetchAndSend(
  request: FastifyRequest,
  reply: FastifyReply,
  address: ObjectAddress,
  parts: ReadObjectParts,
): Promise<FastifyReply> {
  const signal = requestSignal(reply);
  const object = parts.reader.cached(address) ?? (await parts.reader.open(address, signal));
  const range = prepare(request, reply, object);
  const sending: SendParts = {
    clock: parts.clock,
    idleMs: downloadIdleMs,
    onSent: (bytes) => parts.metrics.downloadedBytes.add({}, bytes),
  };
  // Lasts until the last byte has left: so long the slot is taken.
  if (object.kind === "whole") await sendBytes(reply, object.content.subarray(range.start, range.end), sending);
  else
    await sendLentPieces(
      reply,
      exactly(object.object, range, signal, () => cutSlow(reply, parts)),
      sending,
    );
  return reply;
}

/** Others wait for the memory of the piece that this reader does not take: a body cut short says so by itself. */
function cutSlow({ raw }: FastifyReply, { metrics }: ReadObjectParts): void {
  metrics.slowClientsEnded.add({ direction: "download" });
  raw.destroy();
}

function sendHead(reply: FastifyReply, bytes: number): FastifyReply {
  return reply.header("content-length", bytes).send();
}

/** Status and headers for what is asked of the object; the bytes to send. Throws a GatewayError `bad-range`. */
function prepare(request: FastifyRequest, reply: FastifyReply, { bytes }: ReadableObject): ByteRange {
  const choice = wantedRange(request, bytes, reply.getHeader("etag") as string);
  if (choice.kind === "outside")
    throw new GatewayError("bad-range", `the object has ${bytes} bytes`, { headers: { "content-range": `bytes */${bytes}` } });
  const range = choice.kind === "whole" ? { start: 0, end: bytes } : choice.range;
  if (choice.kind === "part") reply.code(206).header("content-range", `bytes ${range.start}-${range.end - 1}/${bytes}`);
  reply.header("content-length", range.end - range.start);
  return range;
}

function wantedRange({ headers }: FastifyRequest, bytes: number, etag: string): RangeChoice {
  const condition = headers["if-range"];
  return condition !== undefined && condition !== etag ? { kind: "whole" } : chooseRange(headers.range, bytes);
}
