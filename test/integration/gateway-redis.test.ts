// Proves with a real Redis server that gateways of one farm count requests and stored bytes together and find each other's
// chunks, that nothing false comes out of it, and that a Redis which is full, frozen, dead or new fails no request: each
// gateway then counts alone, says so, and shares again once it answers. Two applications over one farm in memory.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Redis } from "ioredis";
import { chooseFreePorts } from "../../src/cli/local-farm/free-port.ts";
import { type AppFixture, createAppFixture } from "../../src/gateway/app-fixture.ts";
import { createByteCache } from "../../src/gateway/chunk-cache.ts";
import type { GatewayConfig } from "../../src/gateway/config.ts";
import { createRedisCache } from "../../src/gateway/redis/redis-cache.ts";
import { createRedisCounters } from "../../src/gateway/redis/redis-counters.ts";
import { createRedisLink, type RedisLink } from "../../src/gateway/redis/redis-link.ts";
import { createChunkCaches, type SecondCache } from "../../src/gateway/second-cache.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import { createGenesis } from "../../src/protocol/genesis.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "../support/deadline.ts";
import { startGateway } from "../support/gateway-process.ts";
import { noRedis, type RedisServer, startRedis } from "../support/redis-server.ts";

const options = noRedis === undefined ? {} : { skip: noRedis };
const mib = 2 ** 20;
let server: RedisServer;
let direct: Redis;
let farms = 0;

before(async () => {
  if (noRedis !== undefined) return;
  const [port = 0] = await chooseFreePorts(1, new Set(), systemRandom);
  server = await startRedis(port);
  direct = new Redis(server.url, { retryStrategy: () => 50 });
  direct.on("error", () => {});
});
after(async () => {
  direct?.disconnect();
  server?.thaw();
  await server?.kill();
});

type Gateway = AppFixture & { readonly link: RedisLink; readonly cache: SecondCache };

/** Two gateways of a farm of their own. */
async function twoGateways(
  settings: Partial<GatewayConfig> = {},
): Promise<{ readonly gateways: readonly [Gateway, Gateway]; readonly prefix: string; stop(): void }> {
  farms += 1;
  const prefix = `test:${farms}:`;
  const one = async (): Promise<Gateway> => {
    const link = await createRedisLink({ url: server.url, clock: systemClock, log: silentLog });
    const cache = createRedisCache(link, prefix);
    const parts = { secondCaches: [cache], redis: link, shared: createRedisCounters(link, prefix) };
    const app = await createAppFixture({ trustedProxies: ["127.0.0.1"], ...settings }, parts);
    await until("Redis answers", async () => link.isUp());
    return { ...app, link, cache };
  };
  const gateways = [await one(), await one()] as const;
  return { gateways, prefix, stop: () => gateways.forEach(({ link }) => void link.stop()) };
}

const from = (address: string): { readonly "x-forwarded-for": string } => ({ "x-forwarded-for": address });
const asks = async ({ http }: Gateway, address: string): Promise<number> =>
  (await http.inject({ url: "/healthz", headers: from(address) })).statusCode;
const stores = async ({ http }: Gateway, bytes: number, address = "203.0.113.9"): Promise<number> =>
  (await http.inject({ method: "POST", url: "/v1/objects", headers: from(address), payload: randomBytes(bytes) })).statusCode;
const streams = async ({ http }: Gateway, bytes: number): Promise<number> => {
  const headers = { ...from("203.0.113.9"), "transfer-encoding": "chunked" };
  return (await http.inject({ method: "POST", url: "/v1/objects", headers, payload: Buffer.alloc(bytes, farms) })).statusCode;
};
const metric = async ({ http }: Gateway, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)$`, "m").exec((await http.inject({ url: "/metrics" })).body)?.[1] ?? Number.NaN);

test("requests a minute and address are counted together; another address and another farm are not touched", options, async () => {
  const { gateways, stop } = await twoGateways({ requestsPerMinute: 5 });
  const [a, b] = gateways;
  const answers = [await asks(a, "203.0.113.1"), await asks(a, "203.0.113.1"), await asks(b, "203.0.113.1"), await asks(b, "203.0.113.1")];
  assert.deepEqual(answers, [200, 200, 200, 200]);
  assert.deepEqual([await asks(b, "203.0.113.1"), await asks(a, "203.0.113.1"), await asks(b, "203.0.113.1")], [200, 429, 429]);
  assert.equal(await asks(a, "203.0.113.2"), 200);
  const other = await twoGateways({ requestsPerMinute: 5 });
  assert.equal(await asks(other.gateways[0], "203.0.113.1"), 200);
  other.stop();
  stop();
});

test("bytes of a day are counted together, with and without a declared length; what was not stored is given back", options, async () => {
  const { gateways, prefix, stop } = await twoGateways({ quota: { perAddressPerDay: 4 * mib, perDay: 6 * mib, keepFree: 0 } });
  const [a, b] = gateways;
  const stored = async (of: string): Promise<number> => {
    const [key = ""] = (await direct.keys(`${prefix}stored:*`)).filter((name) => name.endsWith(of));
    return Number((await direct.get(key)) ?? 0);
  };
  assert.deepEqual([await stores(a, 2 * mib), await stores(b, 3 * mib)], [201, 429]);
  await until("the refused bytes are given back", async () => (await stored(":203.0.113.9")) === 2 * mib);
  assert.equal(await streams(b, mib), 201);
  await until("what was taken ahead is given back", async () => (await stored(":203.0.113.9")) === 3 * mib);
  assert.deepEqual([await streams(a, 2 * mib), await stores(a, mib)], [429, 201]);
  await until("all of it is counted once", async () => (await stored("all addresses")) === 4 * mib);
  assert.equal(await stores(b, 1), 429);
  assert.deepEqual([await stores(b, 2 * mib, "203.0.113.8"), await stores(a, 1, "203.0.113.7")], [201, 429], "the day's sum of all");
  for (const key of await direct.keys(`${prefix}*`)) assert.ok((await direct.pttl(key)) > 0, `${key} lives for ever`);
  // Many at once find no more room than there is.
  const crowd = await twoGateways({ quota: { perDay: 10 * 1000, keepFree: 0 } });
  const codes = await Promise.all(
    Array.from({ length: 30 }, (_, i) => stores(crowd.gateways[i % 2 === 0 ? 0 : 1], 1000, `203.0.113.${i}`)),
  );
  assert.ok(codes.filter((code) => code === 201).length <= 10, `${codes.join()} of 10`);
  crowd.stop();
  stop();
});

test("a count that Redis lost while an upload was under way ends at nothing, not below", options, async (context) => {
  const prefix = "test:lost:";
  const link = await createRedisLink({ url: server.url, clock: systemClock, log: silentLog });
  context.after(() => link.stop());
  await until("Redis answers", async () => link.isUp());
  const counters = createRedisCounters(link, prefix);
  assert.deepEqual(await counters.addStored(1, "203.0.113.9", 70), { address: 70, total: 70 });
  await direct.del(`${prefix}stored:1:203.0.113.9`, `${prefix}stored:1:all addresses`);
  assert.deepEqual(await counters.addStored(1, "203.0.113.9", -70), { address: 0, total: 0 });
  assert.deepEqual(await counters.addStored(1, "203.0.113.9", 5), { address: 5, total: 5 });
});

test("a chunk that one gateway keeps is found by the other; what is false there is never served, and is removed", options, async () => {
  const { gateways, prefix, stop } = await twoGateways();
  const [a, b] = gateways;
  const bytes = new Uint8Array(randomBytes(3 * mib));
  const address = chunkAddress(bytes);
  const key = `${prefix}chunk:${address}`;
  createChunkCaches(createByteCache(16 * mib), [a.cache]).put(address, bytes);
  await until("it is in Redis", async () => (await direct.exists(key)) === 1);
  assert.ok((await direct.ttl(key)) > 80_000);
  assert.deepEqual(await createChunkCaches(createByteCache(16 * mib), [b.cache]).find(address), bytes);
  for (const wrong of [Buffer.alloc(3 * mib), Buffer.from(bytes.subarray(1)), Buffer.alloc(0), Buffer.alloc(5 * mib)]) {
    await direct.set(key, wrong);
    assert.equal(await b.cache.get(address), undefined);
    await until("it is removed", async () => (await direct.exists(key)) === 0);
  }
  await direct.lpush(key, "no bytes at all");
  assert.equal(await b.cache.get(address), undefined);
  assert.ok(b.link.isUp(), "an answer of the wrong kind is an answer");
  assert.deepEqual(b.cache.counts(), { hit: 1, miss: 0, damaged: 4, failed: 1 });
  stop();
});

test("a Redis without room fails no request", options, async () => {
  const { gateways, stop } = await twoGateways({ requestsPerMinute: 3, quota: { perDay: 2 * mib, keepFree: 0 } });
  const [a] = gateways;
  await direct.config("SET", "maxmemory", "1");
  try {
    assert.deepEqual([await asks(a, "203.0.113.1"), await stores(a, mib), await stores(a, mib), await stores(a, 1)], [200, 201, 201, 429]);
    a.cache.put(chunkAddress(Buffer.of(1)), Buffer.of(1));
    assert.equal(await metric(a, "vaultfarm_gateway_redis_up"), 1);
  } finally {
    await direct.config("SET", "maxmemory", "0");
  }
  stop();
});

for (const [how, leave, comeBack] of [
  ["frozen", () => server.freeze(), () => server.thaw()],
  ["killed", () => server.kill(), () => server.start()],
] as const)
  test(`a ${how} Redis fails no request: each gateway counts alone, and together again once it is back`, options, async () => {
    const { gateways, stop } = await twoGateways({ requestsPerMinute: 4, quota: { perAddressPerDay: 2 * mib, keepFree: 0 } });
    const [a, b] = gateways;
    try {
      assert.deepEqual([await asks(a, "203.0.113.1"), await asks(b, "203.0.113.1")], [200, 200]);
      await leave();
      // Also those that are under way at that moment, and the many that follow.
      const alone = await Promise.all(Array.from({ length: 6 }, () => asks(a, "203.0.113.4")));
      assert.deepEqual(alone.toSorted(), [200, 200, 200, 200, 429, 429]);
      assert.deepEqual([await stores(a, mib), await stores(b, mib), await streams(a, mib), await stores(a, 1)], [201, 201, 201, 429]);
      assert.equal(await a.cache.get(chunkAddress(Buffer.of(7))), undefined);
      assert.equal(await metric(a, "vaultfarm_gateway_redis_up"), 0);
      assert.ok((await metric(a, 'vaultfarm_gateway_redis_requests_total\\{result="skipped"\\}')) > 0);
    } finally {
      await comeBack();
    }
    await until("both share again", async () => a.link.isUp() && b.link.isUp());
    const together = [
      await asks(a, "203.0.113.5"),
      await asks(a, "203.0.113.5"),
      await asks(b, "203.0.113.5"),
      await asks(b, "203.0.113.5"),
    ];
    assert.deepEqual([...together, await asks(a, "203.0.113.5")], [200, 200, 200, 200, 429]);
    stop();
  });

test("a gateway process takes the URL from its file, says on its metrics how Redis is, and starts without it too", options, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gateway-redis-"));
  const genesis = createGenesis(
    { name: "alone", copies: { min: 4, target: 5, max: 8 }, placeUnit: 2 ** 30, createdAt: 0 },
    signingKeyFromSeed(new Uint8Array(randomBytes(32))),
  );
  await writeFile(join(folder, "genesis"), genesis.bytes);
  await writeFile(join(folder, "redis-url"), `${server.url}\n`);
  const gateway = await startGateway({
    VAULTFARM_DATA_DIR: join(folder, "data"),
    VAULTFARM_GENESIS_FILE: join(folder, "genesis"),
    VAULTFARM_REDIS_URL_FILE: join(folder, "redis-url"),
    VAULTFARM_CACHE_DISK: String(mib),
  });
  const says = async (line: RegExp): Promise<boolean> => line.test(await (await fetch(`${gateway.url}/metrics`)).text());
  try {
    await until("it shares", () => says(/^vaultfarm_gateway_redis_up 1$/m));
    assert.ok(await says(/^vaultfarm_gateway_cache_bytes\{cache="disk"\} 0$/m));
    assert.ok(await says(/^vaultfarm_gateway_second_cache_reads_total\{cache="redis",result="hit"\} 0$/m));
    await server.kill();
    await until("it says that Redis is away", () => says(/^vaultfarm_gateway_redis_up 0$/m));
    assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
  } finally {
    gateway.child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
