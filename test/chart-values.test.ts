// Proves that the chart's schema and the table in its README tell of each value what values.yaml gives it, and miss none.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { chartValuesSchema, chartValuesTable } from "../bin/chart/values.ts";

type Values = { readonly [name: string]: unknown };
const values = parse(readFileSync("charts/vaultfarm/values.yaml", "utf8")) as Values;
// What each row of the table says behind the value's name and meaning.
const cells = new Map(
  [...chartValuesTable().matchAll(/^\| `([^`]+)` \| .* \| (.+) \|$/gm)].map(([, name = "", given = ""]) => [name, given]),
);

/** Each value, below the name that `--set` takes. */
function valuesByName(of: Values, at = ""): readonly (readonly [string, unknown])[] {
  return Object.entries(of).flatMap(([key, value]) => {
    const name = at === "" ? key : `${at}.${key}`;
    return cells.has(name) || typeof value !== "object" || value === null ? [[name, value] as const] : valuesByName(value as Values, name);
  });
}

test("the table has every value, as values.yaml gives it", () => {
  for (const [name, value] of valuesByName(values))
    assert.equal(cells.get(name), value === "" ? "–" : `\`${JSON.stringify(value)}\``, name);
  assert.equal(cells.size, valuesByName(values).length);
});

test("the schema's defaults are what values.yaml gives", () => {
  const { properties } = chartValuesSchema();
  assert.deepEqual(properties?.["resources"]?.default, values["resources"]);
  assert.equal(properties?.["image"]?.properties?.["repository"]?.default, "vaultfarm");
  assert.deepEqual(properties?.["farm"]?.properties?.["spec"]?.default, (values["farm"] as Values)["spec"]);
});
