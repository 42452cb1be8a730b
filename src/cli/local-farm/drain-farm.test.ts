// Proves that a node is only meant by its name, or by enough of the end of its id to be it alone: a drain or a word that it is lost must
// meet no other. Method: pure, on the nodes of the test farm and on two whose ids end alike.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { PeerId } from "../../protocol/peer-id.ts";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-code.ts";
import { chooseNode } from "./drain-farm.ts";
import { fiveNodes, placeOf } from "./farm-fixture.ts";

const alike = ["x", "y"].map((end, i) => ({ ...placeOf(end, i + 7), peerId: `12D3KooW${end}Same4` as PeerId }));
const nodes = [...fiveNodes.nodes, ...alike];
const [first] = fiveNodes.nodes;
const idOf = first?.peerId ?? assert.fail();

test("a name, a whole id and four of its last letters mean one node", () => {
  for (const asked of ["attic-a", idOf, idOf.slice(-4)]) assert.equal(chooseNode({ nodes }, asked), first, asked);
  assert.equal(chooseNode({ nodes }, "xSame4"), alike[0]);
});

test("less than that, what two ids end with, what an id begins with, and nothing at all mean none; those there are are named", () => {
  for (const [asked, words] of [
    [idOf.slice(-3), /^no node is called/],
    [idOf.slice(0, 20), /^no node is called/],
    ["", /^no node is called/],
    ["attic", /^no node is called/],
    ["Same4", /^more than one node is called Same4; there are attic-a, .*attic-y$/],
  ] as const)
    assert.throws(
      () => chooseNode({ nodes }, asked),
      (error) => error instanceof CommandError && error.exitCode === exitCodes.notFound && words.test(error.message),
      asked,
    );
});
