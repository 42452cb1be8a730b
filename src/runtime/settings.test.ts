// Proves that each kind of setting takes exactly what it says it expects, and that a table reads back what it wrote.
// Method: one table with every kind, valid and invalid values.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  choiceSetting,
  flagSetting,
  integerSetting,
  ipSetting,
  isAddressOrRange,
  listSetting,
  pathSetting,
  portSetting,
  rangesSetting,
  readConfiguration,
  readSettings,
  type SettingProblem,
  SettingsError,
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

test("a configuration is frozen, or every problem is named at once; what was written is quoted, and cut where it is long", () => {
  const read = (env: Record<string, string>) => readConfiguration((problems) => readSettings(table, env, problems));
  assert.ok(Object.isFrozen(read({ COUNT: "3" })));
  assert.throws(
    () => read({ PORT: "x".repeat(100), ON: "yes\nPORT: fine" }),
    (error) => {
      assert.ok(error instanceof SettingsError);
      assert.deepEqual(
        error.problems.map(({ variable }) => variable),
        ["COUNT", "PORT", "ON"],
      );
      const [count, port, on] = error.message.split("\n");
      assert.equal(count, "COUNT: expected a whole number from 1 to 9, got nothing");
      assert.equal(port, `PORT: expected a port from 0 to 65535 (0 = any free one), got "${"x".repeat(80)}…"`);
      assert.equal(on, String.raw`ON: expected true or false, got "yes\nPORT: fine"`, "nobody writes lines of it");
      return true;
    },
  );
});

test("lists take so many items and each only as accepted; paths take no control characters; addresses and ranges are themselves", () => {
  const list = listSetting({ variable: "L", meaning: "which", what: "letters", max: 3, accepts: (item) => /^[a-z]$/.test(item) });
  assert.deepEqual(list.parse("a,b,c"), ["a", "b", "c"]);
  for (const wrong of ["a,b,c,d", "a,", ",a", "a, b", "aa", "a,,b"]) assert.equal(list.parse(wrong), undefined, wrong);
  assert.equal(list.expected, "letters, separated by commas, at most 3");
  assert.deepEqual(readSettings({ l: list }, {}, []), { l: [] });
  const path = pathSetting({ variable: "P", meaning: "where" });
  assert.equal(path.parse("/var/lib/a b"), "/var/lib/a b");
  for (const wrong of ["a\0b", "a\nb", "x".repeat(4097)]) assert.equal(path.parse(wrong), undefined);
  for (const right of ["10.0.0.1", "::1", "10.0.0.0/8", "fd00::/8"]) assert.ok(isAddressOrRange(right), right);
  for (const wrong of ["", "localhost", "10.0.0.0/0", "10.0.0.0/33", "::/0", "10.0.0.1/8/8"]) assert.ok(!isAddressOrRange(wrong), wrong);
});
