// Settings of a program out of its environment: a table says for each what is expected; reading yields one typed object
// or every problem at once, writing yields the environment that reads back as the same object.
import { isIP, isIPv6 } from "node:net";
import { type LogLevel, logLevels } from "./log.ts";

/** One setting. `fallback` is used where the variable is absent; without one, absence is a problem unless `optional`. */
export type Setting<T> = {
  readonly variable: string;
  /** What a value must look like, as it stands in errors and documents. */
  readonly expected: string;
  readonly meaning: string;
  /** The value of a text, undefined where it is not what is expected. */
  parse(text: string): T | undefined;
  format(value: T): string;
  readonly fallback?: T;
  readonly optional?: true;
};

/** A setting as documents list it. */
export type ListedSetting = Pick<Setting<unknown>, "variable" | "expected" | "meaning" | "fallback">;

/** A setting for every field of `C`. */
export type SettingTable<C> = { readonly [K in keyof C]-?: Setting<Exclude<C[K], undefined>> };

/** A variable that is absent or not as expected. `got` is undefined where it is absent. */
export type SettingProblem = { readonly variable: string; readonly expected: string; readonly got: string | undefined };

/** The environment does not make a configuration; the message lists every problem. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly code = "settings-invalid";
  readonly problems: readonly SettingProblem[];
  constructor(problems: readonly SettingProblem[]) {
    super(problems.map(problemText).join("\n"));
    this.problems = problems;
  }
}

/** A process environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration that `read` makes, frozen. Throws a `SettingsError` that names every problem it found. */
export function readConfiguration<C extends object>(read: (problems: SettingProblem[]) => C): Readonly<C> {
  const problems: SettingProblem[] = [];
  const config = read(problems);
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.freeze(config);
}

/** The settings of a table, for documents. */
export function listSettings<C extends object>(table: SettingTable<C>): readonly ListedSetting[] {
  return Object.values<ListedSetting>(table as Record<string, Setting<unknown>>);
}

/** Reads the fields of `table` out of `env`, adding what is wrong to `problems`; trust the result only while that is empty. Empty text counts as absent. */
export function readSettings<C extends object>(table: SettingTable<C>, env: Environment, problems: SettingProblem[]): C {
  const fields: [string, unknown][] = [];
  for (const [name, setting] of Object.entries<Setting<unknown>>(table as Record<string, Setting<unknown>>)) {
    const value = readSetting(setting, env, problems);
    if (value !== undefined) fields.push([name, value]);
  }
  return Object.fromEntries(fields) as C;
}

function readSetting(setting: Setting<unknown>, env: Environment, problems: SettingProblem[]): unknown {
  const { variable, expected } = setting;
  const text = env[variable];
  if (text === undefined || text === "") {
    if (setting.fallback === undefined && setting.optional === undefined) problems.push({ variable, expected, got: undefined });
    return setting.fallback;
  }
  const value = setting.parse(text);
  if (value === undefined) problems.push({ variable, expected, got: text });
  return value;
}

/** The environment that `readSettings` reads back as `config`. */
export function writeSettings<C extends object>(table: SettingTable<C>, config: C): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of Object.keys(table) as (keyof C)[]) {
    const value = config[name];
    const setting = table[name] as Setting<C[keyof C]>;
    if (value !== undefined) env[setting.variable] = setting.format(value);
  }
  return env;
}

function problemText({ variable, expected, got }: SettingProblem): string {
  const shown = got === undefined ? "nothing" : JSON.stringify(got.length > 80 ? `${got.slice(0, 80)}…` : got);
  return `${variable}: expected ${expected}, got ${shown}`;
}

/** Items of a list: more than anybody writes by hand. */
const itemsMax = 64;

type Naming = { readonly variable: string; readonly meaning: string; readonly optional?: true };
type WithFallback<T> = Naming & { readonly fallback?: T };

/** A whole number from `min` to `max`. */
export function integerSetting(options: WithFallback<number> & { readonly min: number; readonly max: number }): Setting<number> {
  const { min, max } = options;
  const parse = (text: string): number | undefined => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return { ...options, expected: `a whole number from ${min} to ${max}`, parse, format: String };
}

/** A TCP or UDP port; 0 = any free one. */
export function portSetting(options: WithFallback<number>): Setting<number> {
  return { ...integerSetting({ ...options, min: 0, max: 65_535 }), expected: "a port from 0 to 65535 (0 = any free one)" };
}

/** One of a few words. */
export function choiceSetting<T extends string>(options: WithFallback<T> & { readonly choices: readonly T[] }): Setting<T> {
  const { choices, ...naming } = options;
  const parse = (text: string): T | undefined => choices.find((choice) => choice === text);
  return { ...naming, expected: `one of ${choices.join(", ")}`, parse, format: (value) => value };
}

/** `true` or `false`. */
export function flagSetting(options: WithFallback<boolean>): Setting<boolean> {
  const parse = (text: string): boolean | undefined => (text === "true" ? true : text === "false" ? false : undefined);
  return { ...options, expected: "true or false", parse, format: String };
}

/** Text of at most `max` characters, no control characters. */
export function textSetting(options: WithFallback<string> & { readonly max: number; readonly what?: string }): Setting<string> {
  const { max, what = "text", ...naming } = options;
  const parse = (text: string): string | undefined => (text.length <= max && !/\p{Cc}/u.test(text) ? text : undefined);
  return { ...naming, expected: `${what} of at most ${max} characters`, parse, format: (value) => value };
}

/** The path of a file or folder. */
export function pathSetting(options: WithFallback<string>): Setting<string> {
  return textSetting({ ...options, max: 4096, what: "a path" });
}

/** Items apart by commas that are each accepted; none where it is absent. */
export function listSetting(
  options: Naming & { readonly what: string; readonly max?: number; accepts(item: string): boolean },
): Setting<readonly string[]> {
  const { what, accepts, max = itemsMax, ...naming } = options;
  const parse = (text: string): readonly string[] | undefined => {
    const items = text.split(",");
    return items.length <= max && items.every(accepts) ? items : undefined;
  };
  const expected = `${what}, separated by commas, at most ${max}`;
  return { ...naming, expected, parse, format: (items) => items.join(","), fallback: [] };
}

/** How much is logged: the same for every program. */
export const logLevelSetting: Setting<LogLevel> = choiceSetting({
  variable: "VAULTFARM_LOG_LEVEL",
  meaning: "least level that is logged",
  choices: logLevels,
  fallback: "info",
});

/** An IPv4 or IPv6 address. */
export function ipSetting(options: WithFallback<string>): Setting<string> {
  return { ...options, expected: "an IP address", parse: (text) => (isIP(text) === 0 ? undefined : text), format: (value) => value };
}

/** Address ranges, apart by commas: "10.0.0.0/8,fd00::/8". At most `max` of them. */
export function rangesSetting(options: Naming & { readonly max: number }): Setting<readonly string[]> {
  const { max, ...naming } = options;
  const parse = (text: string): readonly string[] | undefined => {
    const ranges = text.split(",").map((range) => range.trim());
    return ranges.length <= max && ranges.every(isRange) ? ranges : undefined;
  };
  const expected = `at most ${max} address ranges apart by commas, such as 10.0.0.0/8,fd00::/8`;
  return { ...naming, expected, parse, format: (ranges) => ranges.join(",") };
}

/** Whether a text is an IP address, or a range of them such as "10.0.0.0/8". */
export function isAddressOrRange(text: string): boolean {
  return isIP(text) !== 0 || isRange(text);
}

// A range of no bits would be everybody: nobody means that.
function isRange(text: string): boolean {
  const [, ip = "", bits = ""] = /^([0-9a-fA-F.:]+)\/([1-9]\d{0,2})$/.exec(text) ?? [];
  return isIP(ip) !== 0 && Number(bits) <= (isIPv6(ip) ? 128 : 32);
}
