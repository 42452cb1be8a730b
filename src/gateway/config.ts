// Settings of a gateway: the environment becomes one frozen object with all defaults, and back again (for whoever starts
// a gateway). Errors name the variable, what it may be, and what it was.
import { gatewayPort } from "../protocol/ports.ts";
import type { LogLevel } from "../runtime/log.ts";
import {
  choiceSetting,
  type Environment,
  integerSetting,
  ipSetting,
  isAddressOrRange,
  type ListedSetting,
  listSetting,
  listSettings,
  logLevelSetting,
  pathSetting,
  portSetting,
  rangesSetting,
  readConfiguration,
  readSettings,
  type Setting,
  type SettingTable,
  writeSettings,
} from "../runtime/settings.ts";

const mib = 1024 * 1024;
const gib = 1024 * mib;

/** Who may store: nobody, or whoever reaches the gateway, within its quotas. */
export const writePolicies = ["off", "open"] as const;
export type WritePolicy = (typeof writePolicies)[number];

/** Limits on what is stored. Bytes a day; absent = no limit. `keepFree`: share of the declared capacity (0 to 1) below which writes are refused. */
export type WriteQuota = { readonly perAddressPerDay?: number; readonly perDay?: number; readonly keepFree: number };

export type GatewayConfig = {
  /** Where HTTP listens; port 0 = any free one. */
  readonly host: string;
  readonly port: number;
  /** Where the gateway's own network side listens; ports 0 = any free one. */
  readonly networkIp: string;
  readonly libp2pPort: number;
  readonly lanePort: number;
  readonly heartbeatPort: number;
  /** Holds `identity.seed` (made if absent, mode 0600), `grant`, and the cache of known peers. */
  readonly dataDir: string;
  /** Holds `grant.seed`, a key shared by gateways, and `grant`, the owner's for it; absent: the grant in `dataDir` counts. */
  readonly grantDir?: string;
  readonly genesisFile: string;
  readonly networkKeyFile?: string;
  /** A JSON array of node addresses to begin with. */
  readonly peersFile?: string;
  /** Address ranges whose nodes are never counted by range on a network without a key; absent = the private ones. */
  readonly trustedRanges?: readonly string[];
  readonly writes: WritePolicy;
  readonly quota: WriteQuota;
  /** Largest object, bytes. */
  readonly objectSizeMax: number;
  /** Foreign origins whose pages may write. */
  readonly corsWrites: readonly string[];
  /** Addresses or ranges whose forwarded headers count. */
  readonly trustedProxies: readonly string[];
  /** The gateway's own domain, and further names or addresses it answers to (loopback names always). */
  readonly domain?: string;
  readonly extraHosts: readonly string[];
  /** Requests a minute and address; loopback is never counted. */
  readonly requestsPerMinute: number;
  /** Encrypted chunks kept in memory, bytes. */
  readonly cacheMemory: number;
  /** Encrypted chunks kept on disk in the data folder, bytes; 0 = none. */
  readonly cacheDisk: number;
  /** Room for uploads of unknown length on disk in the data folder, bytes; absent: as much as there is. */
  readonly spool?: number;
  /** Holds the URL of a Redis that the farm's gateways share, with its password: redis:// or rediss://. */
  readonly redisUrlFile?: string;
  readonly logLevel: LogLevel;
  /** How long requests under way may take to finish after SIGTERM, milliseconds. */
  readonly stopGraceMs: number;
  /** How long of that it goes on serving although it says that it is not ready, milliseconds; at most half of it. */
  readonly leaveAfterMs: number;
};

type PlainFields = Omit<GatewayConfig, "quota">;

type Naming = { readonly variable: string; readonly meaning: string };
const bytes = (naming: Naming & { readonly fallback?: number }): Setting<number> =>
  integerSetting({ ...naming, min: 1, max: Number.MAX_SAFE_INTEGER });

const hostPattern = /^(?:[a-z0-9][a-z0-9.-]{0,252}|[0-9a-f:.]{2,45})$/;
const originPattern = /^https?:\/\/[a-z0-9.:[\]-]{1,260}$/;

const plainTable: SettingTable<PlainFields> = {
  host: hostSetting({ variable: "VAULTFARM_HOST", meaning: "name or address HTTP listens on", fallback: "127.0.0.1" }),
  port: portSetting({ variable: "VAULTFARM_PORT", meaning: "port HTTP listens on", fallback: gatewayPort }),
  networkIp: ipSetting({ variable: "VAULTFARM_NETWORK_IP", meaning: "address the network side listens on", fallback: "127.0.0.1" }),
  libp2pPort: portSetting({ variable: "VAULTFARM_LIBP2P_PORT", meaning: "control port of the network side", fallback: 0 }),
  lanePort: portSetting({ variable: "VAULTFARM_LANE_PORT", meaning: "port of the network side for bulk bytes", fallback: 0 }),
  heartbeatPort: portSetting({
    variable: "VAULTFARM_HEARTBEAT_PORT",
    meaning: "UDP port on which nodes tell of silent ones",
    fallback: 0,
  }),
  dataDir: pathSetting({ variable: "VAULTFARM_DATA_DIR", meaning: "folder of identity, grant and known peers" }),
  grantDir: optional(
    pathSetting({
      variable: "VAULTFARM_GRANT_DIR",
      meaning: "folder of a key with the owner's grant, with which a gateway grants itself the right to store (grant.seed, grant)",
    }),
  ),
  genesisFile: pathSetting({ variable: "VAULTFARM_GENESIS_FILE", meaning: "the genesis of the network" }),
  networkKeyFile: optional(
    pathSetting({ variable: "VAULTFARM_NETWORK_KEY_FILE", meaning: "the key of a private network, 64 hexadecimal digits" }),
  ),
  peersFile: optional(
    pathSetting({ variable: "VAULTFARM_PEERS_FILE", meaning: "JSON array of {ip, libp2p, lane, heartbeat}: whom to dial first" }),
  ),
  trustedRanges: optional(
    rangesSetting({
      variable: "VAULTFARM_TRUSTED_RANGES",
      meaning:
        "whose addresses are never counted where a network has no key and so only so many nodes of one range are let in, beside loopback; absent = the private ranges",
      max: 64,
    }),
  ),
  writes: choiceSetting({ variable: "VAULTFARM_WRITES", meaning: "who may store", choices: writePolicies, fallback: "off" }),
  objectSizeMax: bytes({ variable: "VAULTFARM_OBJECT_SIZE_MAX", meaning: "largest object, bytes", fallback: 64 * gib }),
  corsWrites: listSetting({
    variable: "VAULTFARM_CORS_WRITES",
    meaning: "foreign origins whose pages may write",
    what: "origins",
    accepts: (item) => originPattern.test(item),
  }),
  trustedProxies: listSetting({
    variable: "VAULTFARM_TRUSTED_PROXIES",
    meaning: "proxies whose forwarded headers count",
    what: "addresses or ranges",
    accepts: isAddressOrRange,
  }),
  domain: optional(hostSetting({ variable: "VAULTFARM_DOMAIN", meaning: "the domain of this gateway" })),
  extraHosts: listSetting({
    variable: "VAULTFARM_EXTRA_HOSTS",
    meaning: "further names it answers to",
    what: "names or addresses",
    accepts: (item) => hostPattern.test(item),
  }),
  requestsPerMinute: integerSetting({
    variable: "VAULTFARM_REQUESTS_PER_MINUTE",
    meaning: "requests a minute and address; loopback is not counted",
    min: 1,
    max: 10_000_000,
    fallback: 6000,
  }),
  cacheMemory: bytes({ variable: "VAULTFARM_CACHE_MEMORY", meaning: "memory of the caches, bytes", fallback: 64 * mib }),
  cacheDisk: integerSetting({
    variable: "VAULTFARM_CACHE_DISK",
    meaning: "room for encrypted chunks on disk in the data folder, bytes; 0 = none",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: 0,
  }),
  spool: optional(
    integerSetting({
      variable: "VAULTFARM_SPOOL",
      meaning: "room for uploads of unknown length on disk in the data folder until they end, bytes; absent = as much as there is",
      min: mib,
      max: Number.MAX_SAFE_INTEGER,
    }),
  ),
  redisUrlFile: optional(
    pathSetting({
      variable: "VAULTFARM_REDIS_URL_FILE",
      meaning: "file with the URL of a Redis that the farm's gateways share: limits, quotas, encrypted chunks",
    }),
  ),
  logLevel: logLevelSetting,
  stopGraceMs: integerSetting({
    variable: "VAULTFARM_STOP_GRACE_MS",
    meaning: "time for requests under way at a stop, milliseconds",
    min: 0,
    max: 3_600_000,
    fallback: 20_000,
  }),
  leaveAfterMs: integerSetting({
    variable: "VAULTFARM_LEAVE_AFTER_MS",
    meaning: "how long of that it still serves all, for a balancer that has not learnt yet that it goes, milliseconds; at most half of it",
    min: 0,
    max: 600_000,
    fallback: 0,
  }),
};

const quotaTable: SettingTable<WriteQuota> = {
  perAddressPerDay: optional(
    bytes({ variable: "VAULTFARM_QUOTA_PER_ADDRESS_PER_DAY", meaning: "bytes one address may store a day; absent = no limit" }),
  ),
  perDay: optional(bytes({ variable: "VAULTFARM_QUOTA_PER_DAY", meaning: "bytes all may store a day; absent = no limit" })),
  keepFree: {
    variable: "VAULTFARM_QUOTA_KEEP_FREE",
    meaning: "share of the declared capacity below which nothing is stored",
    expected: "a share from 0 to 0.9",
    parse: readShare,
    format: String,
    fallback: 0.05,
  },
};

/** All settings of a gateway, for the page of settings. */
export const gatewaySettings: readonly ListedSetting[] = [...listSettings(plainTable), ...listSettings(quotaTable)];

/** The configuration in an environment. Throws a SettingsError naming every variable that is absent or not as expected. */
export function readConfig(env: Environment): GatewayConfig {
  return readConfiguration((problems) => ({
    ...readSettings(plainTable, env, problems),
    quota: Object.freeze(readSettings(quotaTable, env, problems)),
  }));
}

/** The environment that `readConfig` reads back as `config`. */
export function toEnv(config: GatewayConfig): Record<string, string> {
  const { quota, ...plain } = config;
  return { ...writeSettings(plainTable, plain), ...writeSettings(quotaTable, quota) };
}

function optional<T>(setting: Setting<T>): Setting<T> {
  return { ...setting, optional: true };
}

function hostSetting(naming: Naming & { readonly fallback?: string }): Setting<string> {
  const expected = "a lower-case name or an address, without port";
  return { ...naming, expected, parse: (text) => (hostPattern.test(text) ? text : undefined), format: (value) => value };
}

function readShare(text: string): number | undefined {
  const value = /^\d(?:\.\d{1,17})?$/.test(text) ? Number(text) : Number.NaN;
  return value <= 0.9 ? value : undefined;
}
