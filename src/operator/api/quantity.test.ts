// Proves that quantities are read exactly and written so that they read back the same: tables, and a property over all sizes.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { describeBytes, parseQuantity, writeQuantity } from "./quantity.ts";

test("quantities as Kubernetes writes them", () => {
  const table: readonly (readonly [string | number, number | undefined])[] = [
    ["512Mi", 536_870_912],
    ["1.5Gi", 1_610_612_736],
    ["10G", 10_000_000_000],
    ["100k", 100_000],
    [1048576, 1_048_576],
    ["0", 0],
    ["512MB", undefined],
    ["-1Gi", undefined],
    ["1e3", undefined],
    ["", undefined],
    ["9999999999Ti", undefined],
  ];
  for (const [text, bytes] of table) assert.equal(parseQuantity(text), bytes, String(text));
});

test("what is written reads back as the same bytes", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 45 }), (bytes) => parseQuantity(writeQuantity(bytes)) === bytes));
  assert.equal(writeQuantity(512 * 2 ** 20), "512Mi");
});

test("bytes for a reader have at most one digit behind the point", () => {
  assert.deepEqual([0, 1023, 1024, 12 * 2 ** 30, 1.55 * 2 ** 20].map(describeBytes), ["0 B", "1023 B", "1 KiB", "12 GiB", "1.6 MiB"]);
});
