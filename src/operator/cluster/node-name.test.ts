// Proves that a name which is taken is not given again: by a node of the farm, by one that this operator made before, or by a
// claim of somebody else. Method: names drawn from fixed bytes; then the whole operator in virtual time, twice with one seed.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createOperatorWorld, endWorld, farmSpec, isSettled, settledWorld } from "../../../test/support/operator/operator-world.ts";
import { namesOf, shownOf } from "../../../test/support/operator/world-views.ts";
import type { Random } from "../../runtime/random.ts";
import { seededRandom } from "../../runtime/random.ts";
import { drawNodeName } from "./node-name.ts";
import { claims, nodeRecords } from "./resources.ts";

const fixed = (...draws: readonly number[]): Random => {
  const left = [...draws];
  return { ...seededRandom(1), bytes: (length) => new Uint8Array(length).fill(left.shift() ?? 0) };
};

test("five letters of base32, and the next draw where one is taken", async () => {
  const taken = new Set(["attic-aaaaa", "attic-bbbbb"]);
  assert.equal(await drawNodeName("attic", fixed(0, 1, 31), async (name) => taken.has(name)), "attic-77777");
  await assert.rejects(
    drawNodeName("attic", fixed(), async (name) => taken.has(name)),
    /16 names drawn for a node of attic were all taken/,
  );
});

test("a claim of somebody else with the name that is drawn stays as it is, and the node gets another name", async () => {
  const first = await settledWorld();
  const [name = ""] = namesOf(first, nodeRecords);
  await endWorld(first);
  const world = createOperatorWorld(farmSpec);
  world.create(claims, { metadata: { name }, spec: { resources: { requests: { storage: "7Gi" } } } } as never);
  await world.until("the farm is installed", () => isSettled(world, 5));
  assert.ok(!namesOf(world, nodeRecords).includes(name));
  const theirs = shownOf(world, claims, name);
  assert.deepEqual([theirs?.spec?.["resources"], theirs?.metadata.labels], [{ requests: { storage: "7Gi" } }, undefined]);
  await endWorld(world);
});
