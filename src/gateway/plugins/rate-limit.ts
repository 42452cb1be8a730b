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
    // Called below, and only for who is counted.
    global: false,
    max: requestsPerMinute,
    timeWindow: minuteMs,
    cache: addressesMax,
    keyGenerator: (request) => addressGroup(request.ip),
    errorResponseBuilder: (_request, { max }) => new GatewayError("too-many-requests", `at most ${max} requests a minute from one address`),
    addHeaders: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    addHeadersOnExceeding: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
  });
  const limit = app.rateLimit();
  app.addHook("onRequest", (request, reply, done) => {
    if (isLoopback(request.ip)) return done();
    limit.call(app, request, reply).then(() => done(), done);
  });
}

function isLoopback(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.");
}
