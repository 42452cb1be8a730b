// Requests a minute and address, counted in this process, and together with other gateways where they share a place to count
// in; loopback is never counted.
import rateLimit, { type FastifyRateLimitStore, type FastifyRateLimitStoreCtor } from "@fastify/rate-limit";
import type { Clock } from "../../runtime/clock.ts";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import type { SharedCounters } from "../shared-counters.ts";
import { addressGroup } from "../write-quota.ts";

const minuteMs = 60_000;
/** Addresses counted at once; the one counted for longest is forgotten. */
const addressesMax = 20_000;

export type RateLimitParts = {
  readonly requestsPerMinute: number;
  readonly clock: Clock;
  /** Absent: this process counts alone. */
  readonly shared?: SharedCounters | undefined;
};

/** Refuses with `too-many-requests` above `requestsPerMinute`. */
export async function addRateLimit(app: App, { requestsPerMinute, clock, shared }: RateLimitParts): Promise<void> {
  await app.register(rateLimit, {
    // Called below, and only for who is counted.
    global: false,
    max: requestsPerMinute,
    timeWindow: minuteMs,
    ...(shared === undefined ? { cache: addressesMax } : { store: createSharedStore(shared, clock) }),
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

type Counted = { readonly current: number; readonly ttl: number };

/** The shared count where it is to be had, otherwise this process's own, which goes on all the time. */
function createSharedStore(shared: SharedCounters, clock: Clock): FastifyRateLimitStoreCtor {
  const countHere = createWindows(clock);
  return class SharedStore implements FastifyRateLimitStore {
    incr(name: string, done: (error: Error | null, result?: Counted) => void, windowMs = minuteMs): void {
      const own = countHere(name, windowMs);
      void shared.hit(name, windowMs).then((all) => done(null, all === undefined ? own : { current: all.count, ttl: all.leftMs }));
    }
    child(): FastifyRateLimitStore {
      return this;
    }
  };
}

/** Counts in windows that begin with the first of each name. */
function createWindows(clock: Clock): (name: string, windowMs: number) => Counted {
  const windows = new Map<string, { readonly endsMs: number; current: number }>();
  return (name, windowMs) => {
    const nowMs = clock.monotonicMs();
    const known = windows.get(name);
    const window = known !== undefined && known.endsMs > nowMs ? known : { endsMs: nowMs + windowMs, current: 0 };
    if (window !== known) {
      windows.delete(name);
      windows.set(name, window);
      const [oldest] = windows.keys();
      if (windows.size > addressesMax && oldest !== undefined) windows.delete(oldest);
    }
    window.current += 1;
    return { current: window.current, ttl: window.endsMs - nowMs };
  };
}
