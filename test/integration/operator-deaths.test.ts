// Proves that an operator that dies in the middle of a removal, after whichever of its actions, leaves a farm from which the next
// one goes on: exactly one node is removed, with proof, told that it leaves for good, and no chunk has fewer than min copies.
// Method: the operator as a whole in virtual time; its process ends without a word after the nth write to the API server or
// the nth signed command to a node, and another begins with empty memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { claims, farms, nodeRecords } from "../../src/operator/cluster/resources.ts";
import type { Use } from "../support/operator/memory-kube.ts";
import { endWorld, farmSpec, isSettled, type OperatorWorld, settledWorld } from "../support/operator/operator-world.ts";

/** How far a removal gets before the operator dies. */
type Death = { readonly after: "writes" | "commands"; readonly n: number };

for (const after of ["writes", "commands"] as const)
  test(`a scale-down whose operator dies after any one of its ${after} removes exactly one node, with proof`, async () => {
    let n = 1;
    while (await removeOne({ after, n })) n += 1;
    assert.ok(n > (after === "writes" ? 8 : 4), `a removal is more than ${n} ${after}`);
  });

/** Scales from six to five with that death on the way; whether it came to it. */
async function removeOne(death: Death): Promise<boolean> {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  const before = world.all(nodeRecords).map(({ metadata }) => metadata.name);
  const died = await scaleDown(world, death);
  const words = `dead after ${death.n} ${death.after}`;
  const kept = world.all(nodeRecords).filter(({ metadata }) => before.includes(metadata.name));
  assert.deepEqual([kept.length, world.all(claims).length], [5, 5], `one of six goes, ${words}`);
  assert.deepEqual(
    world.nodes.stopped.map(({ short }) => short),
    [0],
    `one node was stopped, and no chunk was below min, ${words}`,
  );
  assert.equal(world.nodes.left.length, 1, `it left for good, with proof, ${words}`);
  assert.ok(
    world.nodes.copies().every((copies) => copies >= 5),
    words,
  );
  await endWorld(world);
  return died;
}

async function scaleDown(world: OperatorWorld, death: Death): Promise<boolean> {
  const killed = killAfter(world, death);
  let reborn = false;
  world.edit(farms, "attic", { spec: { replicas: 5 } });
  const look = (): boolean => {
    if (killed() && !reborn) world.startOperator();
    reborn = killed();
    return isSettled(world, 5) && world.all(claims).length === 5;
  };
  await world.until(`five nodes, dead after ${death.n} ${death.after}`, look, 3_600_000);
  return killed();
}

/** Kills the operator with its nth write or command from now on, which is done; whether it came to it. */
function killAfter(world: OperatorWorld, { after, n }: Death): () => boolean {
  let seen = 0;
  const one = (): void => {
    seen += 1;
    if (seen === n) world.killOperator();
  };
  if (after === "commands") world.afterCommand = one;
  else
    world.kube.fault = (use) => {
      if (isWrite(use)) one();
      return undefined;
    };
  return () => seen >= n;
}

// The lease has tests of its own, and events are told in the background.
function isWrite({ verb, resource }: Use): boolean {
  return ["create", "patch", "update", "delete"].includes(verb) && resource !== "leases" && resource !== "events";
}
