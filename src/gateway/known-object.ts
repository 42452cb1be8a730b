// The answer for a small object that is known: as quickly as the framework could send the bytes alone, since this is what a
// page of many pictures asks for all the time. So the head is made of lists that are ready, and written past the framework.
import type { FastifyReply } from "fastify";
import { type ContentType, contentHeaders, contentTypes } from "./content-type.ts";
import { watchIdle } from "./fastify-app.ts";
import { readableHeaders } from "./plugins/cross-origin.ts";
import { securityHeaders } from "./plugins/security-headers.ts";

/** A small object in memory. */
export type KnownObject = { readonly content: Buffer; readonly etag: string };

/** What is said of an object beside its ETag and its length. */
export function objectHeaders(type: ContentType): Readonly<Record<string, string>> {
  return headersByType[type];
}

/**
 * Sends status 200 and all of the object, with the headers that any other answer with it has. A reader that takes nothing
 * of it for `idleMs` milliseconds loses its connection.
 */
export function sendKnownObject(reply: FastifyReply, { content, etag }: KnownObject, type: ContentType, idleMs: number): FastifyReply {
  reply.hijack();
  const head = listsByType[type].slice();
  head.push("etag", etag, "content-length", String(content.length));
  if (reply.hasHeader("connection")) head.push("connection", "close");
  const { raw } = reply;
  raw.writeHead(200, head).end(content);
  // Nearly always all of it has left by now.
  if (raw.writableLength > 0) watchIdle(reply.request.raw.socket, idleMs);
  return reply;
}

function ofEachType<T>(make: (type: ContentType) => T): Readonly<Record<ContentType, T>> {
  return Object.fromEntries(contentTypes.map((type) => [type, make(type)])) as Record<ContentType, T>;
}

const headersByType = ofEachType((type) => ({
  ...contentHeaders(type),
  // The content of an address never changes; the address is a key, so only the asker's own cache may keep it.
  "cache-control": "private, max-age=31536000, immutable",
}));

// Names and values in turn.
const listsByType = ofEachType((type) => Object.entries({ ...securityHeaders, ...readableHeaders, ...headersByType[type] }).flat());
