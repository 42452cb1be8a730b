// Proves that a node's configuration survives the way through an environment and that all problems are named at once.
// Method: random configurations there and back; a few broken environments.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { profileNames } from "../protocol/network-profile.ts";
import { logLevels } from "../runtime/log.ts";
import { SettingsError } from "../runtime/settings.ts";
import { readConfig, repairDelayOf, toEnv, type VaultNodeConfig } from "./config.ts";

const text = fc.stringMatching(/^[\w/ .=é-]{1,40}$/);
const port = fc.nat(65_535);
const rangeOf = (ip: fc.Arbitrary<string>, bits: number) => fc.tuple(ip, fc.integer({ min: 1, max: bits })).map((parts) => parts.join("/"));
const [ipv4Range, ipv6Range] = [rangeOf(fc.ipV4(), 32), rangeOf(fc.ipV6(), 128)];
const configs: fc.Arbitrary<VaultNodeConfig> = fc.record(
  {
    dataDir: text,
    listenIp: fc.ipV4().filter((ip) => ip !== "0.0.0.0"),
    announceIp: fc.ipV6(),
    ports: fc.record({ libp2p: port, lane: port, heartbeat: port, health: port, admin: port }, { noNullPrototype: true }),
    vaults: fc.integer({ min: 1, max: 256 }),
    vaultCapacity: fc.integer({ min: 16 * 1024 * 1024, max: Number.MAX_SAFE_INTEGER }),
    genesisFile: text,
    networkKeyFile: text,
    adminPublicKey: fc.stringMatching(/^[0-9a-f]{64}$/) as fc.Arbitrary<never>,
    peersFile: text,
    founder: fc.boolean(),
    region: fc.oneof(fc.constant(""), text),
    zone: text,
    host: text,
    profile: fc.constantFrom(...profileNames),
    logLevel: fc.constantFrom(...logLevels),
    stopGraceMs: fc.integer({ min: 100, max: 600_000 }),
    repairDelayMs: fc.integer({ min: 100, max: 86_400_000 }),
    compareEveryMs: fc.integer({ min: 1_000, max: 86_400_000 }),
    trustedRanges: fc.array(fc.oneof(ipv4Range, ipv6Range), { minLength: 1, maxLength: 64 }),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      "dataDir",
      "listenIp",
      "ports",
      "vaults",
      "vaultCapacity",
      "genesisFile",
      "founder",
      "region",
      "zone",
      "host",
      "profile",
      "logLevel",
      "stopGraceMs",
      "compareEveryMs",
    ],
  },
) as fc.Arbitrary<VaultNodeConfig>;

test("readConfig(toEnv(config)) is config", () => {
  fc.assert(fc.property(configs, (config) => assert.deepEqual(readConfig(toEnv(config)), { ...config })));
});

test("the least environment gets every default", () => {
  const config = readConfig({
    VAULTFARM_DATA_DIR: "/data",
    VAULTFARM_VAULT_CAPACITY: "536870912",
    VAULTFARM_GENESIS_FILE: "/g",
    VAULTFARM_ZONE: "",
  });
  assert.deepEqual(config.ports, { libp2p: 4001, lane: 4002, heartbeat: 4003, health: 9090, admin: 9091 });
  assert.equal(config.listenIp, "127.0.0.1");
  assert.equal(config.founder, false);
  assert.deepEqual([config.compareEveryMs, config.trustedRanges], [180_000, undefined]);
  assert.ok(Object.isFrozen(config));
});

test("a silent node is waited for ten times as long on a network without a key, unless the setting says otherwise", () => {
  const least = { VAULTFARM_DATA_DIR: "/data", VAULTFARM_VAULT_CAPACITY: "536870912", VAULTFARM_GENESIS_FILE: "/g" };
  const delay = (more: Readonly<Record<string, string>>): number => repairDelayOf(readConfig({ ...least, ...more }));
  assert.equal(delay({}), 3_000_000);
  assert.equal(delay({ VAULTFARM_NETWORK_KEY_FILE: "/k" }), 300_000);
  assert.equal(delay({ VAULTFARM_REPAIR_DELAY_MS: "2000" }), 2_000);
});

test("every problem is named at once, with variable, expectation and value", () => {
  const broken = {
    VAULTFARM_PORT_HEALTH: "70000",
    VAULTFARM_VAULTS: "three",
    VAULTFARM_LISTEN_IP: "::",
    VAULTFARM_ADMIN_PUBLIC_KEY: "AB",
    VAULTFARM_TRUSTED_RANGES: "10.0.0.0/33",
  };
  assert.throws(
    () => readConfig(broken),
    (error: unknown) => {
      assert.ok(error instanceof SettingsError);
      const named = error.problems.map(({ variable }) => variable).sort();
      assert.deepEqual(named, [
        "VAULTFARM_ADMIN_PUBLIC_KEY",
        "VAULTFARM_ANNOUNCE_IP",
        "VAULTFARM_DATA_DIR",
        "VAULTFARM_GENESIS_FILE",
        "VAULTFARM_PORT_HEALTH",
        "VAULTFARM_TRUSTED_RANGES",
        "VAULTFARM_VAULTS",
        "VAULTFARM_VAULT_CAPACITY",
      ]);
      assert.match(error.message, /VAULTFARM_PORT_HEALTH: expected a port from 0 to 65535 \(0 = any free one\), got "70000"/);
      assert.match(error.message, /VAULTFARM_DATA_DIR: expected a path of at most 4096 characters, got nothing/);
      return true;
    },
  );
});
