// Single chunks, as they lie on the vaults, for clients that encrypt by themselves.
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { FarmClient } from "../../client/farm-client.ts";
import { type Address, chunkAddress, parseAddress } from "../../protocol/address.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import { admitWrite, bodyOf } from "../admission.ts";
import { createBodySource, readWholeBody } from "../body-source.ts";
import type { ByteCache } from "../chunk-cache.ts";
import { createSingleFlight } from "../chunk-cache.ts";
import { contentHeaders } from "../content-type.ts";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { downloadIdleMs, uploadIdleMs, uploadRateMin } from "../limits.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { isNotModified } from "../not-modified.ts";
import { requestSignal } from "../request-signal.ts";
import { sendBytes } from "../send-pieces.ts";
import type { Slots } from "../slots.ts";
import { problemAnswers, storedChunkSchema } from "./answer-schemas.ts";
import type { StoreParts } from "./store-object.ts";

export type ChunkParts = StoreParts & {
  readonly client: Pick<FarmClient, "getChunk" | "headChunk">;
  /** What the client keeps in memory. */
  readonly cache: Pick<ByteCache, "get">;
  readonly metrics: Pick<GatewayMetrics, "cacheReads" | "downloadedBytes">;
  /** For reads; those of `StoreParts` are for writes. */
  readonly readSlots: Slots;
};

const params: z.ZodType<{ address: string }> = z.object({ address: z.string().describe("64 hexadecimal digits: H of the bytes") });

/** Adds the routes. */
export function addChunks(app: App, parts: ChunkParts): void {
  const fetchChunk = createChunkFetcher(parts);
  const read = { tags: ["chunks"], params, response: problemAnswers("bad-address", "not-found", "damaged", "not-ready") };
  app.route({
    method: "PUT",
    url: "/v1/chunks/:address",
    config: { binaryBody: true },
    schema: {
      tags: ["chunks"],
      summary: "Store a chunk",
      params,
      response: {
        201: storedChunkSchema,
        200: storedChunkSchema.describe("it was there already"),
        ...problemAnswers("bad-address", "empty", "writes-off", "too-large", "wrong-hash", "quota", "farm-full", "insufficient-copies"),
      },
    },
    handler: (request, reply) => putChunk(request, reply, parts),
  });
  app.route({
    method: "GET",
    url: "/v1/chunks/:address",
    config: { binaryAnswer: true },
    schema: { ...read, summary: "Read a chunk", response: { ...read.response, ...problemAnswers("not-ready", "busy") } },
    handler: async (request, reply) => {
      const address = readAddress(request);
      markImmutable(reply, address);
      if (isNotModified(request.headers["if-none-match"], `"${address}"`)) return reply.code(304).send();
      return parts.readSlots.run(async () => {
        const bytes = await fetchChunk(address, requestSignal(reply));
        reply.header("content-length", bytes.length);
        // Lasts until the last byte has left: so long the slot is taken.
        await sendBytes(reply, bytes, {
          clock: parts.clock,
          idleMs: downloadIdleMs,
          onSent: (sent) => parts.metrics.downloadedBytes.add({}, sent),
        });
        return reply;
      });
    },
  });
  app.route({
    method: "HEAD",
    url: "/v1/chunks/:address",
    schema: { ...read, summary: "Whether a chunk is there, its size, and how many nodes have it (header Vaultfarm-Copies)" },
    handler: (request, reply) => headChunk(request, reply, parts),
  });
}

async function putChunk(request: FastifyRequest, reply: FastifyReply, parts: ChunkParts): Promise<FastifyReply> {
  const address = readAddress(request);
  const declared = admitWrite(request, parts, chunkSizeMax);
  const share = parts.quotas.open(request.ip);
  let placed = 0;
  try {
    if (declared !== undefined) await share.take(declared);
    return await parts.slots.run(async () => {
      const limits = { sizeMax: chunkSizeMax, idleMs: uploadIdleMs, rateMin: uploadRateMin };
      const bytes = await readWholeBody(createBodySource(bodyOf(request), limits, parts.clock));
      if (bytes.length === 0) throw new GatewayError("empty", "there are no bytes to store");
      if (chunkAddress(bytes) !== address) throw new GatewayError("wrong-hash", "the hash of the bytes is another address");
      if (declared === undefined) await share.take(bytes.length);
      // From here on it may lie on a vault, whatever becomes of the request.
      placed = bytes.length;
      const stored = await parts.client.putChunk(address, bytes, requestSignal(reply));
      parts.metrics.uploadedBytes.add({}, bytes.length);
      return reply
        .code(stored.sent ? 201 : 200)
        .header("location", `/v1/chunks/${address}`)
        .send({ address, copies: stored.copies });
    });
  } catch (cause) {
    share.giveBack(placed);
    throw cause;
  }
}

async function headChunk(request: FastifyRequest, reply: FastifyReply, { client }: ChunkParts): Promise<FastifyReply> {
  const address = readAddress(request);
  const found = await client.headChunk(address, requestSignal(reply));
  if (found === undefined) throw new GatewayError("not-found", "no vault has this chunk");
  markImmutable(reply, address);
  return reply.headers({ "content-length": String(found.size), "vaultfarm-copies": String(found.copies) }).send();
}

/** Chunks out of memory, else from the client, which has the same cache and decides what is kept there; one fetch at a time for each. */
function createChunkFetcher({ client, cache, metrics }: ChunkParts): (address: Address, signal: AbortSignal) => Promise<Uint8Array> {
  const join = createSingleFlight<Uint8Array>();
  return async (address, signal) => {
    const known = cache.get(address);
    metrics.cacheReads.add({ cache: "chunks", result: known === undefined ? "miss" : "hit" });
    if (known !== undefined) return known;
    return join(address, (shared) => client.getChunk(address, shared), signal);
  };
}

function readAddress(request: FastifyRequest): Address {
  const address = parseAddress((request.params as { address: string }).address);
  if (address === undefined) throw new GatewayError("bad-address", "a chunk address has 64 lower-case hexadecimal digits");
  return address;
}

function markImmutable(reply: FastifyReply, address: Address): void {
  reply
    .headers(contentHeaders("application/octet-stream"))
    // A part of a chunk is of no use: only the whole can be verified and decrypted.
    .headers({ etag: `"${address}"`, "cache-control": "public, max-age=31536000, immutable", "accept-ranges": "none" });
}
