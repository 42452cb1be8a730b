// Encrypted chunks in Redis, where other gateways of the farm find them. Whoever can write there may write anything: nothing
// is served but what has the right address.
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import { redisChunkLifeS, redisPatienceMs, redisWaitingMax, redisWritePatienceMs } from "../limits.ts";
import { createSecondCacheCounts, type SecondCache } from "../second-cache.ts";
import type { RedisLink } from "./redis-link.ts";

/** `prefix`: of the farm's own keys. How much there is room for is Redis's own setting (maxmemory, allkeys-lru). */
export function createRedisCache(link: Pick<RedisLink, "ask">, prefix: string): SecondCache {
  const counts = createSecondCacheCounts();
  let waitingBytes = 0;
  const keyOf = (address: Address): string => `${prefix}chunk:${address}`;
  return {
    kind: "redis",
    get: async (address) => {
      const bytes = await link.ask(redisPatienceMs, (redis) => redis.getBuffer(keyOf(address)));
      if (bytes === undefined || bytes === null) {
        counts.add(bytes === null ? "miss" : "failed");
        return undefined;
      }
      if (bytes.length <= chunkSizeMax && chunkAddress(bytes) === address) {
        counts.add("hit");
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      }
      counts.add("damaged");
      void link.ask(redisPatienceMs, (redis) => redis.unlink(keyOf(address)));
      return undefined;
    },
    put: (address, bytes) => {
      const { length } = bytes;
      if (waitingBytes + length > redisWaitingMax) return;
      waitingBytes += length;
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, length);
      void link
        .ask(redisWritePatienceMs, (redis) => redis.set(keyOf(address), value, "EX", redisChunkLifeS))
        .finally(() => {
          waitingBytes -= length;
        });
    },
    bytes: () => undefined,
    counts: counts.read,
  };
}
