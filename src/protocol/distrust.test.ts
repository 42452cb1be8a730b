// Proves that who is found wanting is distrusted, worst first, and that no view however wrong distrusts more than half, leaves
// fewer than a chunk needs, or depends on the order in which nodes were seen.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { distrustedOf } from "./distrust.ts";
import type { PeerId } from "./peer-id.ts";
import { standingBelow } from "./standing.ts";

const seen = (...honesties: readonly number[]) => honesties.map((honesty, n) => ({ peer: `peer ${n}` as PeerId, honesty }));
const target = 5;

test("up to three liars among eight nodes are distrusted: five are left, as many as a chunk has copies", () => {
  assert.deepEqual([...distrustedOf(seen(1, 0.1, 1, 1, 1, 1, 1), target)], ["peer 1"]);
  assert.deepEqual([...distrustedOf(seen(0.5, 0.1, 1, 1, 1, 1, 1), target)], ["peer 1", "peer 0"]);
  assert.deepEqual([...distrustedOf(seen(0.5, 0.1, 0.3, 1, 1, 1, 1), target)], ["peer 1", "peer 2", "peer 0"]);
  assert.equal(distrustedOf(seen(0.6, 0.8, 1, 1, 1, 1, 1), target).size, 0);
});

test("where over half look bad nobody is: the fault is more likely here", () => {
  assert.equal(distrustedOf(seen(0, 0, 0, 0, 1, 1, 1), target).size, 0);
});

test("of more liars than leave enough nodes the worst ones are distrusted", () => {
  assert.deepEqual([...distrustedOf(seen(0.5, 0.1, 0.3, 1, 1, 1), target)], ["peer 1", "peer 2"]);
});

test("with exactly as many nodes as a chunk has copies nobody is", () => {
  assert.equal(distrustedOf(seen(0, 1, 1, 1), target).size, 0);
  assert.equal(distrustedOf(seen(0, 1, 1, 1, 1), target).size, 1);
});

test("never more than half, never below the target, never an honest one, in whatever order", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (honesties) => {
      const nodes = seen(...honesties);
      const found = distrustedOf(nodes, target);
      assert.ok(found.size <= nodes.length / 2);
      assert.ok(found.size === 0 || nodes.length + 1 - found.size >= target);
      for (const { peer, honesty } of nodes) if (found.has(peer)) assert.ok(honesty < standingBelow.distrusted);
      assert.deepEqual(distrustedOf([...nodes].reverse(), target), found);
    }),
  );
});
