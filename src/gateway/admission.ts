// What can be said of a write before any of its body is read.
import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { FarmClient } from "../client/farm-client.ts";
import type { GatewayConfig } from "./config.ts";
import { GatewayError } from "./errors.ts";
import { assertRoom } from "./write-quota.ts";

export type AdmissionParts = {
  readonly client: Pick<FarmClient, "network" | "ready">;
  readonly config: Pick<GatewayConfig, "writes" | "quota">;
};

/** Throws a GatewayError where nothing can be stored now, whatever it is: `writes-off` or `not-ready`. */
export function assertTakesWrites({ client, config }: AdmissionParts): void {
  if (config.writes === "off") throw new GatewayError("writes-off", "this gateway only reads (setting VAULTFARM_WRITES)");
  if (!client.ready()) throw new GatewayError("not-ready", "too few nodes answer to store anything now");
}

/** Everything that can refuse a write before its body is read; the declared size in bytes, if there is one. */
export function admitWrite(request: FastifyRequest, { client, config }: AdmissionParts, sizeMax: number): number | undefined {
  const { headers } = request;
  assertTakesWrites({ client, config });
  if (headers["content-type"]?.toLowerCase().startsWith("multipart/"))
    throw new GatewayError("unsupported-body", "send the bytes themselves as the body, not a form");
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    throw new GatewayError("unsupported-body", "send the bytes without a content encoding");
  const length = headers["content-length"];
  const declared = length === undefined ? undefined : Number(length);
  if (declared === 0 || request.body === undefined) throw new GatewayError("empty", "there are no bytes to store");
  if (declared !== undefined && declared > sizeMax) throw new GatewayError("too-large", `at most ${sizeMax} bytes are taken here`);
  assertRoom(client.network(), declared ?? 1, config.quota.keepFree);
  return declared;
}

/** The body as the stream that came in; from now on its own watch, not the socket's, ends it for standing still (body-source.ts). */
export function bodyOf(request: FastifyRequest): Readable {
  // Requests of tests may come without a socket that waits.
  request.raw.socket.setTimeout?.(0);
  if (request.body instanceof Readable) return request.body;
  throw new GatewayError("empty", "there are no bytes to store");
}
