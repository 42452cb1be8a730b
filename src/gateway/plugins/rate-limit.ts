// Requests a minute and address, counted in this process; loopback is never counted.
import rateLimit from "@fastify/rate-limit";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { addressGroup } from "../write-quota.ts";

const minuteMs = 60_000;
/** Addresses counted at once; the least recently seen is forgotten. */
const addressesMax = 20_000;

/** Refuses with `too-many-requests` above `requestsPerMinute`. */
export async function addRateLimit(app: App, requestsPerMinute: number): Promise<void> {
  await app.register(rateLimit, {
    global: true,
    max: requestsPerMinute,
    timeWindow: minuteMs,
    cache: addressesMax,
    keyGenerator: (request) => addressGroup(request.ip),
    allowList: (request) => isLoopback(request.ip),
    errorResponseBuilder: (_request, { max }) => new GatewayError("too-many-requests", `at most ${max} requests a minute from one address`),
    addHeaders: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    addHeadersOnExceeding: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
  });
}

function isLoopback(ip: string): boolean {
  return ip === "::1" || ip.replace(/^::ffff:/, "").startsWith("127.");
}
