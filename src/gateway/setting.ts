// One setting of the gateway as text in the environment: what it may be, how it is read and what is said when it cannot be.
import { isIP } from "node:net";
import { logLevels } from "../runtime/log.ts";
import { writePolicies } from "./write-policy.ts";

/** The environment of a process: text by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used; the message names the variable, what is expected and what was there. */
export class SettingError extends Error {
  override readonly name = "SettingError";
  readonly code = "bad-setting";
  readonly variable: string;
  constructor(variable: string, expected: string, got: string | undefined) {
    super(`${variable}: expected ${expected}, got ${got === undefined ? "nothing" : JSON.stringify(got)}`);
    this.variable = variable;
  }
}

/** Where a setting stands, what it means, what it may be. `fallback` absent = required, "" = may be absent. */
export type SettingText = { readonly variable: string; readonly meaning: string; readonly expected: string; readonly fallback?: string };

/** How the text of a setting is read; undefined = not acceptable. */
export type Kind<T> = { readonly expected: string; readonly read: (text: string) => T | undefined };
export type Setting<T> = SettingText & Kind<T>;

const hostPattern = /^(?:[a-z0-9][a-z0-9.-]{0,252}|[0-9a-f:]{2,39})$/;

type Kinds = {
  readonly port: Kind<number>;
  readonly bytes: Kind<number>;
  readonly ms: Kind<number>;
  readonly count: Kind<number>;
  readonly share: Kind<number>;
  readonly ip: Kind<string>;
  readonly path: Kind<string>;
  readonly host: Kind<string>;
  readonly hosts: Kind<readonly string[]>;
  readonly origins: Kind<readonly string[]>;
  readonly ranges: Kind<readonly string[]>;
  readonly writes: Kind<(typeof writePolicies)[number]>;
  readonly level: Kind<(typeof logLevels)[number]>;
};

/** The kinds of values a gateway's settings have. */
export const settingKinds: Kinds = {
  port: { expected: "a port, 0-65535 (0 = any free one)", read: wholeNumber(0, 65_535) },
  bytes: { expected: "a whole number of bytes above 0", read: wholeNumber(1, Number.MAX_SAFE_INTEGER) },
  ms: { expected: "milliseconds, 0-3600000", read: wholeNumber(0, 3_600_000) },
  count: { expected: "a whole number, 1-10000000", read: wholeNumber(1, 10_000_000) },
  share: { expected: "a share from 0 to 0.9", read: share },
  ip: { expected: "an IP address", read: (text) => (isIP(text) === 0 ? undefined : text) },
  path: { expected: "a path", read: (text) => (text === "" ? undefined : text) },
  host: { expected: "a lower-case host name or address without port", read: (text) => (hostPattern.test(text) ? text : undefined) },
  hosts: { expected: "lower-case host names or addresses without port, separated by commas", read: listOf(hostPattern) },
  origins: { expected: "origins such as https://example.org, separated by commas", read: listOf(/^https?:\/\/[a-z0-9.:[\]-]{1,260}$/) },
  ranges: { expected: "IP addresses or ranges, separated by commas", read: listOf(/^[0-9a-f.:]{2,39}(?:\/\d{1,3})?$/) },
  writes: { expected: writePolicies.join(" or "), read: oneOf(writePolicies) },
  level: { expected: `one of ${logLevels.join(", ")}`, read: oneOf(logLevels) },
};

/** The value of a setting that has one, by itself or by default. Throws a SettingError. */
export function required<T>(setting: Setting<T>, env: Environment): T {
  const given = env[setting.variable];
  const text = given ?? setting.fallback;
  const value = text === undefined ? undefined : setting.read(text);
  if (value === undefined) throw new SettingError(setting.variable, setting.expected, given);
  return value;
}

/** The value of a setting that may be absent (not there, or empty). Throws a SettingError. */
export function optional<T>(setting: Setting<T>, env: Environment): T | undefined {
  return (env[setting.variable] ?? "") === "" ? undefined : required(setting, env);
}

/** A setting's value as the text that reads back to it; undefined for an absent one. */
export function writtenSetting(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(",") : String(value);
}

function wholeNumber(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
}

function share(text: string): number | undefined {
  const value = /^\d(?:\.\d{1,17})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= 0 && value <= 0.9 ? value : undefined;
}

function listOf(pattern: RegExp): (text: string) => readonly string[] | undefined {
  return (text) => {
    const items = text === "" ? [] : text.split(",");
    return items.length <= 64 && items.every((item) => pattern.test(item)) ? Object.freeze(items) : undefined;
  };
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T | undefined {
  return (text) => values.find((value) => value === text);
}
