// Proves that what a network began with stays, whatever a person writes later, and that everything else may change. Method: one field of an
// accepted spec is changed at a time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { judgeSpec } from "./judge-spec.ts";

const spec = { replicas: 6, vaultCapacity: "1Gi", vaultsPerNode: 2, copies: { min: 4, target: 5, max: 8 } };
const fixed = { vaultsPerNode: 2, copies: { min: 4, target: 5, max: 8 } };

test("vaults of a node and each number of copies are fixed once the network has begun, and named with what they were", () => {
  for (const [change, expected] of [
    [{ vaultsPerNode: 3 }, "spec.vaultsPerNode: fixed at 2 when the network began, got 3"],
    [{ copies: { ...spec.copies, min: 3 } }, "spec.copies.min: fixed at 4 when the network began, got 3"],
    [{ copies: { ...spec.copies, target: 6 } }, "spec.copies.target: fixed at 5 when the network began, got 6"],
    [{ copies: { ...spec.copies, max: 7 } }, "spec.copies.max: fixed at 8 when the network began, got 7"],
  ] as const) {
    const verdict = judgeSpec({ ...spec, ...change }, fixed);
    assert.ok(!verdict.ok, expected);
    assert.deepEqual([verdict.reason, verdict.problems.map(({ message }) => message)], ["FixedField", [expected]]);
    assert.equal(judgeSpec({ ...spec, ...change }).ok, true, "before it has begun");
  }
});

test("the number of nodes and the size of their vaults may change", () => {
  for (const change of [{}, { replicas: 9 }, { vaultCapacity: "2Gi" }, { vaultCapacity: "512Mi" }])
    assert.equal(judgeSpec({ ...spec, ...change }, fixed).ok, true, JSON.stringify(change));
});
