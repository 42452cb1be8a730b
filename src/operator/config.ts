// Settings of the operator: the environment becomes one frozen object, and errors name the variable.
import { healthPort } from "../protocol/ports.ts";
import type { LogLevel } from "../runtime/log.ts";
import {
  choiceSetting,
  type Environment,
  integerSetting,
  ipSetting,
  type ListedSetting,
  listSetting,
  listSettings,
  logLevelSetting,
  portSetting,
  readConfiguration,
  readSettings,
  type Setting,
  type SettingTable,
  textSetting,
} from "../runtime/settings.ts";

export type OperatorConfig = {
  /** Its own namespace: the lease is there, and network policies let it in from there. */
  readonly namespace: string;
  /** The namespaces whose farms are run; empty: all. */
  readonly watched: readonly string[];
  /** Different for each of its pods. */
  readonly identity: string;
  readonly lease: string;
  /** The Deployment that runs it, in its own namespace; absent: none does. */
  readonly deployment?: string;
  /** What vault nodes and gateways run. */
  readonly image: string;
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  readonly imagePullSecrets: readonly string[];
  readonly listenIp: string;
  readonly port: number;
  /** Farms that are looked at side by side. */
  readonly workers: number;
  readonly logLevel: LogLevel;
};

/**
 * Most namespaces that are watched by name: each takes a watch for every kind in it, and an API server allows 100 of them in a
 * connection. For more there is the whole cluster, or another operator.
 */
export const watchedMax = 8;

const name = (variable: string, meaning: string): Setting<string> => textSetting({ variable, meaning, max: 253, what: "a name" });
const names = (variable: string, meaning: string, max?: number): Setting<readonly string[]> =>
  listSetting({
    variable,
    meaning,
    what: "names",
    ...(max === undefined ? {} : { max }),
    accepts: (item) => /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(item),
  });

const table: SettingTable<OperatorConfig> = {
  namespace: name("VAULTFARM_OPERATOR_NAMESPACE", "the operator's own namespace"),
  watched: names("VAULTFARM_OPERATOR_NAMESPACES", "namespaces whose farms are run; absent = all", watchedMax),
  identity: name("VAULTFARM_OPERATOR_IDENTITY", "its name among the operators that compete for the lease"),
  lease: textSetting({
    variable: "VAULTFARM_OPERATOR_LEASE",
    meaning: "name of the lease",
    max: 253,
    what: "a name",
    fallback: "vaultfarm",
  }),
  deployment: {
    ...name("VAULTFARM_OPERATOR_DEPLOYMENT", "the Deployment that runs it, with which the lease goes; absent = the lease stays"),
    optional: true,
  },
  image: textSetting({ variable: "VAULTFARM_OPERATOR_IMAGE", meaning: "image of vault nodes and gateways", max: 1024, what: "an image" }),
  imagePullPolicy: choiceSetting({
    variable: "VAULTFARM_OPERATOR_IMAGE_PULL_POLICY",
    meaning: "when that image is pulled",
    choices: ["Always", "IfNotPresent", "Never"],
    fallback: "IfNotPresent",
  }),
  imagePullSecrets: names("VAULTFARM_OPERATOR_IMAGE_PULL_SECRETS", "Secrets for pulling it, in the farms' namespaces"),
  listenIp: ipSetting({ variable: "VAULTFARM_OPERATOR_LISTEN_IP", meaning: "address of health and metrics", fallback: "0.0.0.0" }),
  port: portSetting({ variable: "VAULTFARM_OPERATOR_PORT", meaning: "port of health and metrics", fallback: healthPort }),
  workers: integerSetting({
    variable: "VAULTFARM_OPERATOR_WORKERS",
    meaning: "farms looked at side by side",
    min: 1,
    max: 64,
    fallback: 8,
  }),
  logLevel: logLevelSetting,
};

/** All settings of the operator, for the page of settings. */
export const operatorSettings: readonly ListedSetting[] = listSettings(table);

/** The configuration in an environment. Throws a `SettingsError` that names every variable that is absent or not as expected. */
export function readConfig(env: Environment): OperatorConfig {
  return readConfiguration((problems) => readSettings(table, env, problems));
}
