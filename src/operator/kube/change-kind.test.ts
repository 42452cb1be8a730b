// Proves which changes count as more than a status. Method: one object and every way in which it may change.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { isMoreThanStatus } from "./change-kind.ts";
import type { KubeObject, ObjectMeta } from "./resource.ts";

const object = (metadata: Partial<ObjectMeta>): KubeObject => ({
  metadata: { name: "a", generation: 1, labels: { a: "1", b: "2" }, ...metadata },
});
const counts = (metadata: Partial<ObjectMeta>): boolean =>
  isMoreThanStatus({ kind: "changed", before: object({ resourceVersion: "1" }), object: object({ resourceVersion: "2", ...metadata }) });

test("a status, managers and the order of labels do not count; all else does", () => {
  assert.equal(counts({}), false);
  assert.equal(counts({ labels: { b: "2", a: "1" } }), false);
  assert.equal(counts({ generation: 2 }), true);
  assert.equal(counts({ labels: { a: "1" } }), true);
  assert.equal(counts({ annotations: { c: "3" } }), true);
  assert.equal(counts({ finalizers: ["example.com/wait"] }), true);
  assert.equal(counts({ deletionTimestamp: "2027-01-15T08:00:00Z" }), true);
  assert.equal(isMoreThanStatus({ kind: "added", object: object({}) }), true);
  assert.equal(isMoreThanStatus({ kind: "removed", before: object({}) }), true);
});

test("a kind without generation counts at every version", () => {
  const map = (resourceVersion: string): KubeObject => ({ metadata: { name: "a", resourceVersion } });
  assert.equal(isMoreThanStatus({ kind: "changed", before: map("1"), object: map("2") }), true);
});
