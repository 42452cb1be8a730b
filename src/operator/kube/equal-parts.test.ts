// Proves that a new version of an object shares with the one before all that is equal in its place, and says what it said.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { withEqualParts } from "./equal-parts.ts";

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test("parts that are equal in their place are those of the version before; all of it where nothing changed", () => {
  const before = { metadata: { labels: { farm: "attic" }, owners: [{ uid: "u1" }], version: "1" }, ready: false };
  assert.equal(withEqualParts(before, copy(before)), before);
  const next = withEqualParts(before, { ...copy(before), metadata: { ...copy(before.metadata), version: "2" }, ready: true });
  assert.deepEqual(next, { metadata: { labels: { farm: "attic" }, owners: [{ uid: "u1" }], version: "2" }, ready: true });
  assert.equal(next.metadata.labels, before.metadata.labels);
  assert.equal(next.metadata.owners, before.metadata.owners);
  assert.deepEqual(before.metadata.version, "1", "what was there is never changed");
});

test("what is missing, more, undefined, or of another kind is not taken for equal", () => {
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: undefined }, { b: undefined }],
    [[1], { 0: 1 }],
    [[1, 2], [1]],
    [null, {}],
    ["1", 1],
    [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
  ];
  for (const [before, next] of pairs) {
    const wanted = structuredClone(next);
    assert.deepEqual(withEqualParts(before, next), wanted);
    assert.notEqual(withEqualParts(before, next), before);
  }
});

test("of any two trees the second is what comes out, and the first stays as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (before, next) => {
      const [old, wanted] = [copy(before), copy(next)];
      assert.deepEqual(withEqualParts(before, copy(next)), wanted);
      assert.deepEqual(before, old);
      assert.deepEqual(withEqualParts(before, copy(before)), old);
    }),
  );
});
