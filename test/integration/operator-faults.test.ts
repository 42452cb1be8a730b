// Proves that a call to the API server that fails, whichever it is and whether or not it was done, costs time and nothing else:
// the farm converges, no second claim is deleted, and no chunk has fewer than min copies by our hand.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { definitions } from "../../src/operator/cluster/ensure-kinds.ts";
import { claims, farms, nodeRecords, pods } from "../../src/operator/cluster/resources.ts";
import { KubeError } from "../../src/operator/kube/index.ts";
import type { Fault, Use } from "../support/operator/memory-kube.ts";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type OperatorWorld,
  settledWorld,
} from "../support/operator/operator-world.ts";

// The lease has tests of its own, and events are told in the background.
const concerns = ({ resource }: Use): boolean => resource !== "leases" && resource !== "events";

/** Fails the `n`th call from now on; whether it came to that. */
function failCall(world: OperatorWorld, n: number, fault: Fault): () => boolean {
  let seen = 0;
  world.kube.fault = (use) => {
    if (!concerns(use)) return undefined;
    seen += 1;
    return seen === n ? fault : undefined;
  };
  return () => seen >= n;
}

for (const [words, fault] of [
  ["is not taken", "before"],
  ["is done, and its answer is lost", "after"],
] as const)
  test(`an install of which any one call ${words} ends as every other`, async () => {
    const spec = { ...farmSpec, replicas: 4 };
    let n = 1;
    for (; ; n += 1) {
      const world = createOperatorWorld(spec, { machines: 4 });
      const failed = failCall(world, n, fault);
      await world.until(`installed, with call ${n} failing`, () => isSettled(world, 4));
      for (const resource of [nodeRecords, claims, pods])
        assert.equal(world.all(resource).length, 4, `${resource.plural}, with call ${n} failing`);
      await endWorld(world);
      if (!failed()) break;
    }
    assert.ok(n > 30, `an install is more than ${n} calls`);
  });

for (const fault of ["before", "after"] as const)
  test(`a scale-down of which any one call fails (${fault} it is done) removes exactly one node, with proof`, async () => {
    const world = await settledWorld();
    let n = 1;
    for (; ; n += 1) {
      world.edit(farms, "attic", { spec: { replicas: 6 } });
      await world.until("six nodes", () => isSettled(world, 6));
      await world.clock.advance(60_000);
      const removed = new Set<string>();
      const before = new Set(world.all(claims).map(({ metadata }) => metadata.uid));
      const failed = failCall(world, n, fault);
      world.edit(farms, "attic", { spec: { replicas: 5 } });
      await world.until(
        `five nodes, with call ${n} failing`,
        () => {
          for (const { metadata } of world.all(claims)) if (metadata.deletionTimestamp !== undefined) removed.add(metadata.uid ?? "");
          return isSettled(world, 5) && world.all(claims).length === 5;
        },
        3_600_000,
      );
      const left = world.all(claims).filter(({ metadata }) => before.has(metadata.uid)).length;
      assert.ok(left === 5 && removed.size <= 1, `one claim of six goes, with call ${n} failing`);
      assert.ok(world.nodes.copies().every((copies) => copies >= 4));
      if (!failed()) break;
    }
    assert.ok(
      world.nodes.stopped.every(({ short }) => short === 0),
      "no chunk had fewer than min copies by our hand",
    );
    assert.ok(n > 8, `a scale-down is more than ${n} calls`);
    await endWorld(world);
  });

test("an API server that goes away for two minutes, and one that forbids, are waited out", async () => {
  const world = await settledWorld();
  world.edit(farms, "attic", { spec: { replicas: 6 } });
  world.kube.frozen = true;
  world.kube.fault = () => "before";
  await world.clock.advance(120_000);
  world.kube.frozen = false;
  world.kube.fault = ({ verb, resource }) => (verb === "create" && resource === "pods" ? new KubeError("forbidden", "no") : undefined);
  // Another program may have led meanwhile: this one ended, as its pod would, and begins anew.
  await world.stopOperator();
  world.startOperator();
  await world.clock.advance(120_000);
  assert.equal(world.all(pods).length, 5);
  world.kube.fault = () => undefined;
  await world.until("six nodes", () => isSettled(world, 6), 1_200_000);
  await endWorld(world);
});

test("where the kinds may not be brought up to date, farms are run all the same", async () => {
  const world = createOperatorWorld(farmSpec);
  world.kube.fault = ({ resource }) => (resource === "customresourcedefinitions" ? new KubeError("forbidden", "may not patch") : undefined);
  await world.until("the farm is installed", () => isSettled(world, 5));
  assert.deepEqual(
    world.all(definitions).map(({ spec }) => spec),
    [undefined, undefined],
    "they are as they were",
  );
  await endWorld(world);
});
