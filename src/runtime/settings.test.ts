// Proves that each kind of setting takes exactly what it says it expects, and that a table reads back what it wrote.
// Method: one table with every kind, valid and invalid values.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  choiceSetting,
  flagSetting,
  integerSetting,
  ipSetting,
  portSetting,
  rangesSetting,
  readSettings,
  type SettingProblem,
  type SettingTable,
  textSetting,
  writeSettings,
} from "./settings.ts";

type Sample = { count: number; port: number; mode: "fast" | "safe"; on: boolean; name?: string; ip?: string; ranges?: readonly string[] };
const table: SettingTable<Sample> = {
  count: integerSetting({ variable: "COUNT", meaning: "how many", min: 1, max: 9 }),
  port: portSetting({ variable: "PORT", meaning: "where", fallback: 80 }),
  mode: choiceSetting({ variable: "MODE", meaning: "how", choices: ["fast", "safe"], fallback: "safe" }),
  on: flagSetting({ variable: "ON", meaning: "whether", fallback: false }),
  name: textSetting({ variable: "NAME", meaning: "what", max: 5, optional: true }),
  ip: ipSetting({ variable: "IP", meaning: "whence", optional: true }),
  ranges: rangesSetting({ variable: "RANGES", meaning: "from where all", max: 2, optional: true }),
};
const problemsOf = (env: Record<string, string>): readonly string[] => {
  const problems: SettingProblem[] = [];
  readSettings(table, env, problems);
  return problems.map(({ variable, expected }) => `${variable}: ${expected}`);
};

test("defaults fill what is absent or empty", () => {
  assert.deepEqual(readSettings(table, { COUNT: "3", PORT: "" }, []), { count: 3, port: 80, mode: "safe", on: false });
});

test("what was written reads back", () => {
  const sample: Sample = { count: 9, port: 0, mode: "fast", on: true, name: "a b", ip: "::1", ranges: ["10.0.0.0/8", "fd00::/8"] };
  assert.deepEqual(readSettings(table, writeSettings(table, sample), []), sample);
});

test("every value that does not fit is a problem", () => {
  const wrong: readonly [string, string][] = [
    ["COUNT", "0"],
    ["COUNT", "10"],
    ["COUNT", "1.5"],
    ["COUNT", "0x3"],
    ["COUNT", " 3"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["MODE", "slow"],
    ["ON", "yes"],
    ["NAME", "too long"],
    ["NAME", "a\nb"],
    ["IP", "localhost"],
    ["RANGES", "10.0.0.0"],
    ["RANGES", "10.0.0.0/33"],
    ["RANGES", "10.0.0/8"],
    ["RANGES", "0.0.0.0/0"],
    ["RANGES", "fd00::/129"],
    ["RANGES", "10.0.0.0/8,"],
    ["RANGES", "10.0.0.0/8,10.0.0.0/9,10.0.0.0/10"],
  ];
  for (const [variable, value] of wrong) {
    const [problem, ...more] = problemsOf({ COUNT: "3", [variable]: value });
    assert.ok(problem?.startsWith(variable), `${variable}=${value}`);
    assert.deepEqual(more, []);
  }
});

test("a missing setting without default is a problem", () => {
  assert.deepEqual(problemsOf({}), ["COUNT: a whole number from 1 to 9"]);
});
