// Proves that what vaults are to declare always fits their volume, and that one look makes no more of anything than its limit. Method:
// random sizes (fast-check), and farms of which nothing is there yet.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { capacityFitting, volumeBytesFor } from "./node-roles.ts";
import { planFarm } from "./plan.ts";
import { createdPerLookMax } from "./plan-count.ts";
import { farmOf, goalWith, podNode, report } from "./plan-fixture.ts";
import { adoptedAs, grownCapacity } from "./plan-growth.ts";

const mib = 2 ** 20;
const gib = 2 ** 30;
const vaults = fc.integer({ min: 1, max: 16 });

test("what fits a volume does, and but for a MiB that rounding may cost no more would", () => {
  fc.assert(
    fc.property(vaults, fc.integer({ min: 0, max: 2 ** 26 }), (vaultsPerNode, volumeMib) => {
      const fits = capacityFitting(vaultsPerNode, volumeMib * mib);
      assert.ok(fits >= 0 && fits % mib === 0);
      assert.ok(fits === 0 || volumeBytesFor(vaultsPerNode, fits) <= volumeMib * mib, "it fits");
      assert.ok(volumeBytesFor(vaultsPerNode, fits + 2 * mib) > volumeMib * mib, "no more does");
    }),
  );
});

test("a volume that is adopted is declared as far as it had grown, never beyond itself, the maximum, or what is known", () => {
  const autogrow = { whenUsedAbove: 80, step: 50, max: 4 * gib };
  fc.assert(
    fc.property(vaults, fc.integer({ min: 16, max: 8192 }), (vaultsPerNode, capacityMib) => {
      const goal = { autogrow, vaultsPerNode, vaultCapacity: gib };
      const { capacity, ...rest } = adoptedAs(volumeBytesFor(vaultsPerNode, capacityMib * mib), goal);
      assert.deepEqual(rest, {});
      const grown = Math.min(capacityMib * mib, autogrow.max);
      // A volume is a whole number of MiB, so that one of them may be missing.
      if (grown <= gib) assert.equal(capacity, undefined);
      else assert.ok(capacity === undefined ? grown - gib <= mib : grown - capacity <= mib && capacity <= grown);
    }),
  );
  const goal = { vaultsPerNode: 1, vaultCapacity: gib };
  const { capacity = 0 } = adoptedAs(12 * gib, { ...goal, autogrow: { ...autogrow, max: 100 * gib } });
  assert.ok(volumeBytesFor(1, capacity) <= 12 * gib && capacity >= 10 * gib - mib, "one of a round size is not made to grow for a byte");
  assert.deepEqual(adoptedAs(100 * gib, goal), {}, "where nothing grows by itself the spec says it");
  assert.deepEqual(adoptedAs(Number.POSITIVE_INFINITY, { ...goal, autogrow }), {}, "nobody says how large it is");
});

test("of a thousand nodes that are missing one look makes no more than its limit, dealt out to the zones", () => {
  for (const nodes of [[], ["a", "b", "c"].map((name) => podNode(name, [], { zone: "za" }))]) {
    const actions = planFarm(goalWith({ nodes: 1000 }), farmOf(nodes, { zones: ["za", "zb"] }), 0);
    const made = actions.flatMap((action) => (action.kind === "create-node" ? [action.zone] : []));
    assert.equal(made.length, createdPerLookMax);
    const inA = made.filter((zone) => zone === "za").length + nodes.length;
    assert.ok(Math.abs(2 * inA - (createdPerLookMax + nodes.length)) <= 1, "as many in each");
  }
});

test("no step of growth goes beyond the maximum, however large the step", () => {
  const full = { ...report, declared: 3 * gib, used: 3 * gib };
  const grown = podNode("a", [], { report: full, assigned: { capacity: 3 * gib } });
  for (const step of [1, 50, 1000]) {
    const capacity = grownCapacity(grown, goalWith({ autogrow: { whenUsedAbove: 80, step, max: 4 * gib } }));
    assert.ok(capacity !== undefined && capacity > 3 * gib && capacity <= 4 * gib, String(capacity));
  }
});
