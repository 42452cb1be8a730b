// Proves that zones are told from machines as the scheduler would: by node selector, and by one of the required terms.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeExpression } from "../api/affinity-spec.ts";
import { fitsMachine } from "./machine-fit.ts";

const labels = { disk: "big", slots: "12" };
const fits = (...terms: readonly (readonly NodeExpression[])[]): boolean => {
  const nodeSelectorTerms = terms.map((matchExpressions) => ({ matchExpressions }));
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return fitsMachine({ nodeSelector: {}, affinity: { nodeAffinity } }, labels);
};

test("a node selector and the required terms must both hold; what is only preferred need not", () => {
  assert.equal(fitsMachine({ nodeSelector: {} }, labels), true);
  assert.equal(fitsMachine({ nodeSelector: { disk: "small" } }, labels), false);
  const preferred = { weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "In", values: ["small"] }] } } as const;
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferred] } };
  assert.equal(fitsMachine({ nodeSelector: { disk: "big" }, affinity }, labels), true);
});

test("every operator, for a label that is there and one that is not", () => {
  const cases: readonly (readonly [NodeExpression, boolean])[] = [
    [{ key: "disk", operator: "In", values: ["small", "big"] }, true],
    [{ key: "disk", operator: "In", values: ["small"] }, false],
    [{ key: "none", operator: "In", values: ["big"] }, false],
    [{ key: "disk", operator: "NotIn", values: ["big"] }, false],
    [{ key: "none", operator: "NotIn", values: ["big"] }, true],
    [{ key: "disk", operator: "Exists" }, true],
    [{ key: "none", operator: "Exists" }, false],
    [{ key: "disk", operator: "DoesNotExist" }, false],
    [{ key: "none", operator: "DoesNotExist" }, true],
    [{ key: "slots", operator: "Gt", values: ["9"] }, true],
    [{ key: "slots", operator: "Gt", values: ["12"] }, false],
    [{ key: "slots", operator: "Lt", values: ["100"] }, true],
    [{ key: "disk", operator: "Lt", values: ["100"] }, false],
    [{ key: "none", operator: "Gt", values: ["0"] }, false],
  ];
  for (const [expression, expected] of cases) assert.equal(fits([expression]), expected, JSON.stringify(expression));
});

test("terms are alternatives, expressions of a term are not", () => {
  const [yes, no] = [{ key: "disk", operator: "Exists" } as const, { key: "disk", operator: "DoesNotExist" } as const];
  assert.equal(fits([yes, no]), false);
  assert.equal(fits([no], [yes]), true);
});
