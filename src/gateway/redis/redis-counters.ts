// What the gateways of a farm count together in Redis: requests a minute and address, bytes stored a day. Each count is one
// step there, so that gateways that count at the same time never count past each other.
import type { Redis } from "ioredis";
import { redisPatienceMs } from "../limits.ts";
import type { SharedCounters } from "../shared-counters.ts";
import type { RedisLink } from "./redis-link.ts";

// KEYS: the count. ARGV: life in milliseconds, begun by the first.
const hitScript = `
local count = redis.call('INCR', KEYS[1])
local life = redis.call('PTTL', KEYS[1])
if life < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  life = tonumber(ARGV[1])
end
return {count, life}
`;

// KEYS: the counts. ARGV: what is added to each, life in milliseconds, renewed each time. Never below nothing: a count that was lost
// while an upload was under way would otherwise end as room for more than the quota.
const addScript = `
local sums = {}
for index, key in ipairs(KEYS) do
  sums[index] = redis.call('INCRBY', key, ARGV[1])
  if sums[index] < 0 then
    redis.call('SET', key, 0)
    sums[index] = 0
  end
  redis.call('PEXPIRE', key, ARGV[2])
end
return sums
`;

/** Counts of a day are needed until it ends, whatever the gateways' clocks say, milliseconds. */
const dayLifeMs = 2 * 86_400_000;

/** Counters under `prefix`, which is the farm's own. */
export function createRedisCounters(link: Pick<RedisLink, "ask">, prefix: string): SharedCounters {
  const run = async (work: (redis: Redis) => Promise<unknown>): Promise<readonly [number, number] | undefined> => {
    const answer = await link.ask(redisPatienceMs, work);
    const [first, second] = Array.isArray(answer) ? answer.map(Number) : [];
    return first === undefined || second === undefined ? undefined : [first, second];
  };
  return {
    hit: async (name, windowMs) => {
      const answer = await run((redis) => redis.eval(hitScript, 1, `${prefix}requests:${name}`, windowMs));
      return answer === undefined ? undefined : { count: answer[0], leftMs: answer[1] };
    },
    addStored: async (day, name, bytes) => {
      const keys = [`${prefix}stored:${day}:${name}`, `${prefix}stored:${day}:all addresses`];
      const answer = await run((redis) => redis.eval(addScript, 2, ...keys, bytes, dayLifeMs));
      return answer === undefined ? undefined : { address: answer[0], total: answer[1] };
    },
  };
}
