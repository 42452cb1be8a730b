// POST of an object: streamed in at the vaults' pace, answered once every chunk has its receipts; and the quote for one,
// which stores nothing.
import { IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { ClientError } from "../../client/errors.ts";
import type { FarmClient, StoredObject } from "../../client/farm-client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { admitWrite, assertTakesWrites, bodyOf } from "../admission.ts";
import { type BodySource, createBodySource } from "../body-source.ts";
import type { GatewayConfig } from "../config.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { uploadIdleMs, uploadRateMin } from "../limits.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { quoteObject } from "../object-quote.ts";
import { requestSignal } from "../request-signal.ts";
import type { Slots } from "../slots.ts";
import { parseUploadId, type UploadBoard, type UploadReporter } from "../upload-board.ts";
import { assertRoom, createRoomWatch, type QuotaBook, type QuotaShare } from "../write-quota.ts";
import { problemAnswers, quoteSchema, storedObjectSchema } from "./answer-schemas.ts";

export type StoreParts = {
  readonly client: Pick<FarmClient, "putObject" | "putChunk" | "network" | "ready">;
  readonly config: Pick<GatewayConfig, "writes" | "objectSizeMax" | "quota">;
  readonly quotas: QuotaBook;
  readonly uploads: UploadBoard;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, "uploadedBytes" | "slowClientsEnded">;
};

type Query = { public?: Flag; "dry-run"?: Flag; bytes?: number | undefined };
type Flag = "" | "true" | "1" | "false" | "0" | undefined;
const flag: z.ZodType<Flag> = z.enum(["", "true", "1", "false", "0"]).optional();
const query: z.ZodType<Query> = z.object({
  public: flag.describe("keep the map readable: anybody who runs a vault can read the object"),
  "dry-run": flag.describe("store nothing, answer with a quote"),
  bytes: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe("with dry-run: size to quote, instead of a body"),
});

const isSet = (value: Flag): boolean => value === "" || value === "true" || value === "1";

/** Adds the route. */
export function addStoreObject(app: App, parts: StoreParts): void {
  const schema = {
    tags: ["objects"],
    summary: "Store an object",
    description:
      "The body is the object, with a content length or chunked. Header Upload-Id (8 to 64 letters, digits, - or _, not to be guessed) makes its progress readable at /v1/uploads/{id}/events. After a cut, send the same bytes again: only chunks that the vaults lack travel to them. Send at least 64 KiB/s: while others wait for memory, large uploads far below that are ended (408).",
    querystring: query,
    response: {
      201: storedObjectSchema,
      200: quoteSchema,
      ...problemAnswers("empty", "writes-off", "foreign-origin", "too-large", "unsupported-body", "quota", "farm-full", "spool-full"),
      ...problemAnswers("slow-upload", "insufficient-copies", "not-ready", "busy"),
    },
  };
  app.route({
    method: "POST",
    url: "/v1/objects",
    schema,
    config: { binaryBody: true },
    handler: (request, reply) => (isSet((request.query as Query)["dry-run"]) ? quote(request, reply, parts) : store(request, reply, parts)),
  });
}

async function store(request: FastifyRequest, reply: FastifyReply, parts: StoreParts): Promise<FastifyReply> {
  const declared = admitWrite(request, parts, parts.config.objectSizeMax);
  const uploadId = readUploadId(request);
  const reporter = uploadId === undefined ? undefined : parts.uploads.begin(uploadId);
  const share = parts.quotas.open(request.ip);
  let placed = 0;
  const onPlaced = (bytes: number): void => {
    placed = bytes;
  };
  try {
    if (declared !== undefined) await share.take(declared);
    const stored = await parts.slots.run(() => put(request, reply, { parts, reporter, share, declared, onPlaced }));
    share.settle();
    reporter?.stored(stored);
    parts.metrics.uploadedBytes.add({}, stored.bytes);
    const { address, bytes, chunks, copies } = stored;
    return reply
      .code(201)
      .headers({ location: `/v1/objects/${address}`, "cache-control": "no-store" })
      .send({ address, bytes, chunks, copies: { min: copies.min, max: copies.max } });
  } catch (cause) {
    // An upload that is cut off leaves its chunks behind: who never finishes one must not store without end.
    share.giveBack(placed);
    const error = toGatewayError(cause);
    reporter?.failed(error);
    throw error;
  }
}

type PutTask = {
  readonly parts: StoreParts;
  readonly reporter: UploadReporter | undefined;
  readonly share: QuotaShare;
  readonly declared: number | undefined;
  readonly onPlaced: (bytes: number) => void;
};

async function put(
  request: FastifyRequest,
  reply: FastifyReply,
  { parts, reporter, share, declared, onPlaced }: PutTask,
): Promise<StoredObject> {
  const { client, clock, config } = parts;
  const assertRoomFor = createRoomWatch(client.network, config.quota.keepFree);
  const onBytes = (bytes: number): Promise<void> | void => {
    if (declared !== undefined) return;
    assertRoomFor(bytes);
    return share.takePiece(bytes);
  };
  const source = createBodySource(
    bodyOf(request),
    // What came over a socket is ours alone; a request put in by a test shares its memory with it.
    {
      sizeMax: config.objectSizeMax,
      idleMs: uploadIdleMs,
      rateMin: uploadRateMin,
      givesBack: request.raw instanceof IncomingMessage,
      onBytes,
    },
    clock,
  );
  const options = {
    ...(declared === undefined ? {} : { size: declared }),
    ...(reporter === undefined ? {} : { onProgress: reporter.progress }),
    onPlaced,
    public: isSet((request.query as Query).public),
    sizeMax: config.objectSizeMax,
    signal: requestSignal(reply),
  };
  try {
    return await client.putObject(source, options);
  } catch (cause) {
    if (cause instanceof ClientError && cause.code === "too-slow") parts.metrics.slowClientsEnded.add({ direction: "upload" });
    throw source.failure() ?? cause;
  }
}

function readUploadId(request: FastifyRequest): string | undefined {
  const header = request.headers["upload-id"];
  if (header === undefined) return undefined;
  const id = typeof header === "string" ? parseUploadId(header) : undefined;
  if (id === undefined) throw new GatewayError("bad-upload-id", "an upload id has 8 to 64 letters, digits, - or _");
  return id;
}

/** Refuses what storing would refuse, so that a sender learns it before the bytes are on their way. */
async function quote(request: FastifyRequest, reply: FastifyReply, parts: StoreParts): Promise<FastifyReply> {
  const { client, config, clock, quotas } = parts;
  assertTakesWrites(parts);
  const asked = (request.query as Query).bytes;
  const bytes = asked ?? (await count(request, config.objectSizeMax, clock));
  if (bytes === 0) throw new GatewayError("empty", "there are no bytes to store");
  if (bytes > config.objectSizeMax) throw new GatewayError("too-large", `at most ${config.objectSizeMax} bytes are taken here`);
  const view = client.network();
  assertRoom(view, bytes, config.quota.keepFree);
  const share = quotas.open(request.ip);
  await share.take(bytes);
  share.giveBack();
  return reply.code(200).send(quoteObject(bytes, view.copies.policy));
}

async function count(request: FastifyRequest, sizeMax: number, clock: Clock): Promise<number> {
  const declared = request.headers["content-length"];
  if (declared !== undefined) return Number(declared);
  if (request.body === undefined) return 0;
  const source: BodySource = createBodySource(bodyOf(request), { sizeMax, idleMs: uploadIdleMs, rateMin: uploadRateMin }, clock);
  let bytes = 0;
  for await (const piece of source) bytes += piece.length;
  return bytes;
}
