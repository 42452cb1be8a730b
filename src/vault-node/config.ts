// The configuration of a vault node: one typed object out of the environment, and back, so that whoever starts a node
// (operator, local farm) and the node itself cannot disagree.

import { type PublicKey, parsePublicKey } from "../protocol/keys.ts";
import { vaultsPerNodeMax } from "../protocol/limits.ts";
import { type ProfileName, profileNames } from "../protocol/network-profile.ts";
import { adminPort, healthPort, heartbeatPort, lanePort, libp2pPort } from "../protocol/ports.ts";
import type { LogLevel } from "../runtime/log.ts";
import {
  choiceSetting,
  type Environment,
  flagSetting,
  integerSetting,
  ipSetting,
  type ListedSetting,
  listSettings,
  logLevelSetting,
  pathSetting,
  portSetting,
  rangesSetting,
  readConfiguration,
  readSettings,
  type SettingProblem,
  type SettingTable,
  textSetting,
  writeSettings,
} from "../runtime/settings.ts";
import { reconciliationLimits } from "./reconciliation/reconciliation-limits.ts";

/** Ports of a node; 0 = any free one. */
export type VaultNodePorts = {
  readonly libp2p: number;
  readonly lane: number;
  readonly heartbeat: number;
  readonly health: number;
  readonly admin: number;
};

type PlainFields = {
  /** The node's volume: identity, keys, chunks. */
  readonly dataDir: string;
  readonly listenIp: string;
  /** The IP that others dial; absent = `listenIp`. */
  readonly announceIp?: string;
  /** Vaults on this node. */
  readonly vaults: number;
  /** Declared capacity of each vault, bytes. */
  readonly vaultCapacity: number;
  readonly genesisFile: string;
  /** 32 bytes as 64 hexadecimal digits; absent = a network without key. */
  readonly networkKeyFile?: string;
  /** Signs admin commands; absent = commands signed by the genesis owner. */
  readonly adminPublicKey?: PublicKey;
  /** JSON array of {ip, libp2p, lane, heartbeat}: whom to dial first. */
  readonly peersFile?: string;
  /** Whether this node may be ready without having met another. */
  readonly founder: boolean;
  readonly region: string;
  readonly zone: string;
  readonly host: string;
  /** How fast silence is noticed. */
  readonly profile: ProfileName;
  readonly logLevel: LogLevel;
  /** Time given to a stop, milliseconds. */
  readonly stopGraceMs: number;
  /** How long a silent node is waited for before its copies are made elsewhere, milliseconds, while `min` copies are left; a tenth with one less, a hundredth with fewer. Absent: see `repairDelayOf`. */
  readonly repairDelayMs?: number;
  /** In how long each other node is compared with once, milliseconds. */
  readonly compareEveryMs: number;
  /** Address ranges whose nodes are never counted by range on a network without a key; absent = the private ones. Loopback never is. */
  readonly trustedRanges?: readonly string[];
};

export type VaultNodeConfig = PlainFields & { readonly ports: VaultNodePorts };

/** The repair delay where one owner runs the network (protocol 3: 5 min). */
export const repairDelayDefaultMs = 300_000;
/** The same on a network without a key, whose nodes come and go as they like (protocol 3: ten times). */
const openRepairDelayMs = 10 * repairDelayDefaultMs;

/** How long a node of this configuration waits for a silent one, milliseconds. */
export function repairDelayOf({ repairDelayMs, networkKeyFile }: Pick<PlainFields, "repairDelayMs" | "networkKeyFile">): number {
  return repairDelayMs ?? (networkKeyFile === undefined ? openRepairDelayMs : repairDelayDefaultMs);
}

/** In how long each other node is compared with once. */
export const compareEveryDefaultMs: number = reconciliationLimits.roundMs;

// A sealed largest chunk and its overhead, twice: below that a vault is full before it has anything.
const vaultCapacityMin = 16 * 1024 * 1024;

const portTable: SettingTable<VaultNodePorts> = {
  libp2p: portSetting({ variable: "VAULTFARM_PORT_LIBP2P", meaning: "control connections, TCP", fallback: libp2pPort }),
  lane: portSetting({ variable: "VAULTFARM_PORT_LANE", meaning: "lanes for bulk bytes, TCP", fallback: lanePort }),
  heartbeat: portSetting({ variable: "VAULTFARM_PORT_HEARTBEAT", meaning: "heartbeats, UDP", fallback: heartbeatPort }),
  health: portSetting({ variable: "VAULTFARM_PORT_HEALTH", meaning: "health, status and metrics, read-only HTTP", fallback: healthPort }),
  admin: portSetting({ variable: "VAULTFARM_PORT_ADMIN", meaning: "signed commands, HTTP", fallback: adminPort }),
};

const plainTable: SettingTable<PlainFields> = {
  dataDir: pathSetting({ variable: "VAULTFARM_DATA_DIR", meaning: "the node's volume" }),
  listenIp: ipSetting({ variable: "VAULTFARM_LISTEN_IP", meaning: "address to listen on", fallback: "127.0.0.1" }),
  announceIp: ipSetting({
    variable: "VAULTFARM_ANNOUNCE_IP",
    meaning: "address that others dial; absent = the one listened on",
    optional: true,
  }),
  vaults: integerSetting({ variable: "VAULTFARM_VAULTS", meaning: "vaults on this node", min: 1, max: vaultsPerNodeMax, fallback: 1 }),
  vaultCapacity: integerSetting({
    variable: "VAULTFARM_VAULT_CAPACITY",
    meaning: "declared capacity of each vault, bytes",
    min: vaultCapacityMin,
    max: Number.MAX_SAFE_INTEGER,
  }),
  genesisFile: pathSetting({ variable: "VAULTFARM_GENESIS_FILE", meaning: "the network's genesis record" }),
  networkKeyFile: pathSetting({
    variable: "VAULTFARM_NETWORK_KEY_FILE",
    meaning: "the network key, 64 hexadecimal digits",
    optional: true,
  }),
  adminPublicKey: {
    variable: "VAULTFARM_ADMIN_PUBLIC_KEY",
    expected: "64 lower-case hexadecimal digits",
    meaning: "key that signs admin commands; absent = the network's owner",
    parse: parsePublicKey,
    format: (key) => key,
    optional: true,
  },
  peersFile: pathSetting({
    variable: "VAULTFARM_PEERS_FILE",
    meaning: "JSON array of {ip, libp2p, lane, heartbeat}: first peers",
    optional: true,
  }),
  founder: flagSetting({ variable: "VAULTFARM_FOUNDER", meaning: "whether it may be ready alone", fallback: false }),
  region: textSetting({ variable: "VAULTFARM_REGION", meaning: "failure domain: region", max: 63, fallback: "" }),
  zone: textSetting({ variable: "VAULTFARM_ZONE", meaning: "failure domain: zone", max: 63, fallback: "" }),
  host: textSetting({ variable: "VAULTFARM_HOST", meaning: "failure domain: host", max: 253, fallback: "" }),
  profile: choiceSetting({
    variable: "VAULTFARM_NETWORK_PROFILE",
    meaning: "how fast silence is noticed: within 15 ms among quiet machines, within 50 ms, or as the path allows",
    choices: profileNames,
    fallback: "lan",
  }),
  logLevel: logLevelSetting,
  stopGraceMs: integerSetting({
    variable: "VAULTFARM_STOP_GRACE_MS",
    meaning: "time given to a stop, milliseconds",
    min: 100,
    max: 600_000,
    fallback: 20_000,
  }),
  repairDelayMs: integerSetting({
    variable: "VAULTFARM_REPAIR_DELAY_MS",
    meaning:
      "how long a silent node is waited for before its copies are made elsewhere, milliseconds, while the fewest allowed are left; a tenth with one less, a hundredth with fewer; absent = 5 minutes, and 50 on a network without a key",
    min: 100,
    max: 86_400_000,
    optional: true,
  }),
  compareEveryMs: integerSetting({
    variable: "VAULTFARM_COMPARE_EVERY_MS",
    meaning:
      "in how long what is held is compared with each other node once, milliseconds; a node is challenged for proof after three and a third of it at the earliest, and may put a proof off for ten",
    min: 1_000,
    max: 86_400_000,
    fallback: compareEveryDefaultMs,
  }),
  trustedRanges: rangesSetting({
    variable: "VAULTFARM_TRUSTED_RANGES",
    meaning:
      "whose addresses are never counted where a network has no key and so only so many nodes of one range are let in, beside loopback; absent = the private ranges",
    max: 64,
    optional: true,
  }),
};

/** All settings of a vault node, for the page that lists them. */
export const vaultNodeSettings: readonly ListedSetting[] = [...listSettings(plainTable), ...listSettings(portTable)];

/** The configuration in an environment, frozen. Throws a `SettingsError` that names every problem at once. */
export function readConfig(env: Environment): VaultNodeConfig {
  return readConfiguration((problems) => {
    const ports = readSettings(portTable, env, problems);
    const plain = readSettings(plainTable, env, problems);
    problems.push(...announceProblem(plain));
    return { ...plain, ports: Object.freeze(ports) };
  });
}

// Nobody can dial "every address".
function announceProblem({ announceIp, listenIp }: PlainFields): readonly SettingProblem[] {
  if (announceIp !== undefined || (listenIp !== "0.0.0.0" && listenIp !== "::")) return [];
  const expected = `the IP address that others dial, since ${plainTable.listenIp.variable} is ${listenIp}`;
  return [{ variable: plainTable.announceIp.variable, expected, got: undefined }];
}

/** The environment that `readConfig` reads back as `config`. */
export function toEnv(config: VaultNodeConfig): Record<string, string> {
  const { ports, ...plain } = config;
  return { ...writeSettings(portTable, ports), ...writeSettings(plainTable, plain) };
}
