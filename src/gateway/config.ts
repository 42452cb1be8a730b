// Settings of a gateway: the environment becomes one frozen object with all defaults, and back again (for whoever starts
// a gateway). Errors name the variable, what it may be, and what it was.
import { gatewayPort } from "../protocol/ports.ts";
import type { LogLevel } from "../runtime/log.ts";
import { type Environment, settingKinds as kinds, optional, required, type SettingText, writtenSetting } from "./setting.ts";
import type { WritePolicy } from "./write-policy.ts";

export { type Environment, SettingError, type SettingText } from "./setting.ts";
export { type WritePolicy, writePolicies } from "./write-policy.ts";

const mib = 1024 * 1024;
const gib = 1024 * mib;

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
  /** Holds `identity.seed` (made if absent, mode 0600), `grant`, and the cache of known peers. */
  readonly dataDir: string;
  readonly genesisFile: string;
  readonly networkKeyFile?: string;
  /** A JSON array of node addresses to begin with. */
  readonly peersFile?: string;
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
  readonly logLevel: LogLevel;
  /** How long requests under way may take to finish after SIGTERM, milliseconds. */
  readonly stopGraceMs: number;
};

const settings = {
  host: { variable: "VAULTFARM_HOST", meaning: "address HTTP listens on", fallback: "127.0.0.1", ...kinds.host },
  port: { variable: "VAULTFARM_PORT", meaning: "port HTTP listens on", fallback: String(gatewayPort), ...kinds.port },
  networkIp: { variable: "VAULTFARM_NETWORK_IP", meaning: "address the network side listens on", fallback: "127.0.0.1", ...kinds.ip },
  libp2pPort: { variable: "VAULTFARM_LIBP2P_PORT", meaning: "its control port", fallback: "0", ...kinds.port },
  lanePort: { variable: "VAULTFARM_LANE_PORT", meaning: "its port for bulk bytes", fallback: "0", ...kinds.port },
  dataDir: { variable: "VAULTFARM_DATA_DIR", meaning: "folder of identity, grant and known peers", ...kinds.path },
  genesisFile: { variable: "VAULTFARM_GENESIS_FILE", meaning: "the network's genesis", ...kinds.path },
  networkKeyFile: { variable: "VAULTFARM_NETWORK_KEY_FILE", meaning: "the private network's key", fallback: "", ...kinds.path },
  peersFile: { variable: "VAULTFARM_PEERS_FILE", meaning: "nodes to begin with, a JSON array", fallback: "", ...kinds.path },
  writes: { variable: "VAULTFARM_WRITES", meaning: "who may store", fallback: "off", ...kinds.writes },
  perAddressPerDay: {
    variable: "VAULTFARM_QUOTA_PER_ADDRESS_PER_DAY",
    meaning: "bytes one address may store a day",
    fallback: "",
    ...kinds.bytes,
  },
  perDay: { variable: "VAULTFARM_QUOTA_PER_DAY", meaning: "bytes all together may store a day", fallback: "", ...kinds.bytes },
  keepFree: { variable: "VAULTFARM_QUOTA_KEEP_FREE", meaning: "share of the capacity kept free", fallback: "0.05", ...kinds.share },
  objectSizeMax: { variable: "VAULTFARM_OBJECT_SIZE_MAX", meaning: "largest object", fallback: String(64 * gib), ...kinds.bytes },
  corsWrites: { variable: "VAULTFARM_CORS_WRITES", meaning: "foreign origins whose pages may write", fallback: "", ...kinds.origins },
  trustedProxies: { variable: "VAULTFARM_TRUSTED_PROXIES", meaning: "proxies whose headers count", fallback: "", ...kinds.ranges },
  domain: { variable: "VAULTFARM_DOMAIN", meaning: "the gateway's own domain", fallback: "", ...kinds.host },
  extraHosts: { variable: "VAULTFARM_EXTRA_HOSTS", meaning: "further names it answers to", fallback: "", ...kinds.hosts },
  requestsPerMinute: {
    variable: "VAULTFARM_REQUESTS_PER_MINUTE",
    meaning: "requests a minute and address",
    fallback: "6000",
    ...kinds.count,
  },
  cacheMemory: { variable: "VAULTFARM_CACHE_MEMORY", meaning: "chunks kept in memory", fallback: String(64 * mib), ...kinds.bytes },
  logLevel: { variable: "VAULTFARM_LOG_LEVEL", meaning: "least level that is logged", fallback: "info", ...kinds.level },
  stopGraceMs: { variable: "VAULTFARM_STOP_GRACE_MS", meaning: "time to finish at SIGTERM", fallback: "20000", ...kinds.ms },
} as const;

/** All settings of a gateway as text, for the page of settings. */
export const gatewaySettings: readonly SettingText[] = Object.values(settings);

/** The settings in `env`. Throws a SettingError for the first that cannot be used; unknown variables are left alone. */
export function readConfig(env: Environment): GatewayConfig {
  const s = settings;
  const perAddressPerDay = optional(s.perAddressPerDay, env);
  const perDay = optional(s.perDay, env);
  const networkKeyFile = optional(s.networkKeyFile, env);
  const peersFile = optional(s.peersFile, env);
  const domain = optional(s.domain, env);
  return Object.freeze({
    host: required(s.host, env),
    port: required(s.port, env),
    networkIp: required(s.networkIp, env),
    libp2pPort: required(s.libp2pPort, env),
    lanePort: required(s.lanePort, env),
    dataDir: required(s.dataDir, env),
    genesisFile: required(s.genesisFile, env),
    ...(networkKeyFile === undefined ? {} : { networkKeyFile }),
    ...(peersFile === undefined ? {} : { peersFile }),
    writes: required(s.writes, env),
    quota: Object.freeze({
      ...(perAddressPerDay === undefined ? {} : { perAddressPerDay }),
      ...(perDay === undefined ? {} : { perDay }),
      keepFree: required(s.keepFree, env),
    }),
    objectSizeMax: required(s.objectSizeMax, env),
    corsWrites: required(s.corsWrites, env),
    trustedProxies: required(s.trustedProxies, env),
    ...(domain === undefined ? {} : { domain }),
    extraHosts: required(s.extraHosts, env),
    requestsPerMinute: required(s.requestsPerMinute, env),
    cacheMemory: required(s.cacheMemory, env),
    logLevel: required(s.logLevel, env),
    stopGraceMs: required(s.stopGraceMs, env),
  });
}

/** The environment from which `readConfig` makes `config` again. */
export function toEnv(config: GatewayConfig): Record<string, string> {
  const { quota, ...flat } = config;
  const values: Readonly<Record<string, unknown>> = { ...flat, ...quota };
  const env: Record<string, string> = {};
  for (const [name, { variable }] of Object.entries(settings)) {
    const text = writtenSetting(values[name]);
    if (text !== undefined) env[variable] = text;
  }
  return env;
}
