// The connection to Redis, which several gateways of a farm may share. It may be away, slow or full at any moment, and no
// request may fail or wait for long because of that: what is asked of it gets an answer in time or none, and while it does
// not answer nobody but this file asks it anything.
import type { Redis } from "ioredis";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { redisConnectMs, redisProbeMs, redisReconnectMaxMs, redisSilentProbesMax } from "../limits.ts";
import { afterPatience } from "../patience.ts";

/** answered: in time · failed: too late, refused, or the connection broke · skipped: not asked, because it does not answer now. */
export const redisOutcomes = ["answered", "failed", "skipped"] as const;
export type RedisCounts = Readonly<Record<(typeof redisOutcomes)[number], number>>;

export type RedisLink = {
  /** What Redis answers to `work`, waited for at most `patienceMs`; undefined where it does not. Never rejects. */
  ask<T>(patienceMs: number, work: (redis: Redis) => Promise<T>): Promise<T | undefined>;
  isUp(): boolean;
  counts(): RedisCounts;
  stop(): void;
};

export type RedisLinkParts = { readonly url: string; readonly clock: Clock; readonly log: Log };

/** A link that connects at once and ever again. The library is loaded here: a gateway without Redis need not hold it in memory. */
export async function createRedisLink({ url, clock, log }: RedisLinkParts): Promise<RedisLink> {
  const { Redis } = await import("ioredis");
  const counts = { answered: 0, failed: 0, skipped: 0 };
  // Unknown at first, so that one that is never there is told of too.
  const state: { isUp?: boolean; isStopped: boolean; probe?: Timer; silent: number } = { isStopped: false, silent: 0 };
  const redis = new Redis(url, {
    connectTimeout: redisConnectMs,
    // Nothing waits for a connection, and nothing is said twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 200, redisReconnectMaxMs),
  });
  const turn = (isUp: boolean, cause?: unknown): void => {
    if (isUp === state.isUp || state.isStopped) return;
    state.isUp = isUp;
    if (isUp) log.info("Redis answers: limits and chunks are shared with the other gateways", {});
    else log.warn("Redis does not answer: this gateway counts and keeps chunks alone until it does", { cause });
  };
  const probe = async (): Promise<void> => {
    const isReady = redis.status === "ready";
    const answer = isReady ? await within(redisProbeMs, redis.ping()).catch(() => undefined) : undefined;
    state.silent = isReady && answer === undefined ? state.silent + 1 : 0;
    if (answer !== undefined) turn(true);
    // A connection that stays silent may be dead at the other side; questions must not gather on it either.
    if (state.silent >= redisSilentProbesMax) redis.disconnect(true);
    if (state.isUp !== true) probeLater();
  };
  const probeLater = (): void => {
    state.probe?.cancel();
    if (!state.isStopped) state.probe = clock.after(redisProbeMs, () => void probe());
  };
  const fell = (cause?: unknown): void => {
    turn(false, cause);
    probeLater();
  };
  const within = <T>(patienceMs: number, work: Promise<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const timer = afterPatience(clock, patienceMs, () => late.reject(new LateAnswer(`no answer within ${patienceMs} ms`)));
    return Promise.race([work, late.promise]).finally(() => timer.cancel());
  };
  redis.on("ready", () => turn(true));
  redis.on("close", () => fell());
  // Whoever asks hears of it; without a listener it would end the process. Refused passwords are told of nowhere else.
  redis.on("error", (cause) => log.debug("the connection to Redis has an error", { cause }));
  probeLater();
  return {
    ask: async (patienceMs, work) => {
      if (state.isUp !== true || redis.status !== "ready") {
        counts.skipped += 1;
        return undefined;
      }
      try {
        const answer = await within(patienceMs, work(redis));
        counts.answered += 1;
        return answer;
      } catch (cause) {
        counts.failed += 1;
        // One that refuses (full, read-only) is there; for one that is silent nobody else shall wait.
        if (cause instanceof LateAnswer) fell(cause);
        else log.debug("Redis refused a request", { cause });
        return undefined;
      }
    },
    isUp: () => state.isUp === true,
    counts: () => ({ ...counts }),
    stop: () => {
      state.isStopped = true;
      state.probe?.cancel();
      redis.disconnect();
    },
  };
}

class LateAnswer extends Error {
  override readonly name = "LateAnswer";
}
