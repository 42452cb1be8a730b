// Proves that a gateway's settings survive the way through the environment and back, and that wrong ones are named;
// by properties over generated settings and by a table of wrong values.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { SettingsError } from "../runtime/settings.ts";
import { type GatewayConfig, gatewaySettings, readConfig, toEnv } from "./config.ts";

const needed = { VAULTFARM_DATA_DIR: "/data", VAULTFARM_GENESIS_FILE: "/genesis.cbor" };

const path = fc.stringMatching(/^\/[a-z0-9 ]{1,20}$/);
const bytes = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const port = fc.integer({ min: 0, max: 65_535 });
const host = fc.constantFrom("127.0.0.1", "::1", "farm.example.org", "localhost");
const config: fc.Arbitrary<GatewayConfig> = fc.record(
  {
    host,
    port,
    networkIp: fc.oneof(fc.ipV4(), fc.constant("::1")),
    libp2pPort: port,
    lanePort: port,
    heartbeatPort: port,
    dataDir: path,
    genesisFile: path,
    networkKeyFile: path,
    peersFile: path,
    trustedRanges: fc.subarray(["10.0.0.0/8", "203.0.113.0/24", "fd00::/8"], { minLength: 1 }),
    writes: fc.constantFrom("off", "open"),
    quota: fc.record(
      { perAddressPerDay: bytes, perDay: bytes, keepFree: fc.integer({ min: 0, max: 90 }).map((percent) => percent / 100) },
      { requiredKeys: ["keepFree"] },
    ),
    objectSizeMax: bytes,
    corsWrites: fc.subarray(["https://a.example", "http://localhost:5173"]),
    trustedProxies: fc.subarray(["10.0.0.0/8", "::1"]),
    domain: host,
    extraHosts: fc.array(host, { maxLength: 3 }),
    requestsPerMinute: fc.integer({ min: 1, max: 1e7 }),
    cacheMemory: bytes,
    cacheDisk: fc.nat(),
    redisUrlFile: path,
    logLevel: fc.constantFrom("error", "info", "silent"),
    stopGraceMs: fc.integer({ min: 0, max: 3_600_000 }),
    leaveAfterMs: fc.integer({ min: 0, max: 600_000 }),
  },
  {
    requiredKeys: [
      ...(["host", "port", "networkIp", "libp2pPort", "lanePort", "heartbeatPort", "dataDir", "genesisFile", "writes", "quota"] as const),
      ...([
        "objectSizeMax",
        "corsWrites",
        "trustedProxies",
        "extraHosts",
        "requestsPerMinute",
        "cacheMemory",
        "cacheDisk",
        "logLevel",
      ] as const),
      "stopGraceMs",
      "leaveAfterMs",
    ],
  },
);

test("toEnv then readConfig gives the same settings", () => {
  fc.assert(fc.property(config, (given) => assert.deepEqual(readConfig(toEnv(given)), { ...given, quota: { ...given.quota } })));
});

test("the two files that must be named suffice; writes are off by default", () => {
  const read = readConfig(needed);
  assert.equal(read.host, "127.0.0.1");
  assert.equal(read.writes, "off");
  assert.equal(read.networkKeyFile, undefined);
  assert.ok(Object.isFrozen(read) && Object.isFrozen(read.quota));
});

test("a wrong value is refused with variable, expectation and value", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["VAULTFARM_PORT", "65536"],
    ["VAULTFARM_PORT", "0x50"],
    ["VAULTFARM_NETWORK_IP", "farm.example.org"],
    ["VAULTFARM_WRITES", "on"],
    ["VAULTFARM_QUOTA_KEEP_FREE", "1"],
    ["VAULTFARM_CORS_WRITES", "*"],
    ["VAULTFARM_EXTRA_HOSTS", "a,,b"],
    ["VAULTFARM_TRUSTED_PROXIES", "everyone"],
    // Each looks like an address or a range, and the HTTP server would end with a bare TypeError, or take it for another one.
    ...["10.0.0.0/99", "0.0.0.0/0", "::1/129", "1.2.3", "::::", "10.0.0.0/8,10.0.0.0/"].map(
      (value) => ["VAULTFARM_TRUSTED_PROXIES", value] as const,
    ),
    ["VAULTFARM_TRUSTED_RANGES", "10.0.0.0/33"],
    ["VAULTFARM_CACHE_MEMORY", "64Mi"],
  ];
  for (const [variable, value] of wrong)
    assert.throws(
      () => readConfig({ ...needed, [variable]: value }),
      (error) =>
        error instanceof SettingsError && error.problems[0]?.variable === variable && error.message.includes(JSON.stringify(value)),
      `${variable}=${value}`,
    );
  assert.throws(() => readConfig({}), /VAULTFARM_DATA_DIR: expected a path of at most 4096 characters, got nothing/);
});

test("every setting is listed once", () => {
  const names = gatewaySettings.map((setting) => setting.variable);
  assert.equal(new Set(names).size, names.length);
});
