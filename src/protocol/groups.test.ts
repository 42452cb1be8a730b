// Proves the group sizes against the table of the protocol, and what the table is for: any read meets an honest holder of
// the last write, any two writes meet in one, and the honest holders alone suffice for both.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { groupSizes } from "./groups.ts";

test("the sizes are the protocol's table", () => {
  const rows = [1, 2, 3, 4, 5, 6, 7, 8].map((nodes) => groupSizes(nodes));
  assert.deepEqual(
    rows.map(({ writes }) => writes),
    [1, 2, 3, 3, 4, 5, 5, 6],
  );
  assert.deepEqual(
    rows.map(({ liars }) => liars),
    [0, 0, 0, 1, 1, 1, 2, 2],
  );
  assert.deepEqual(
    rows.map(({ reads }) => reads),
    [1, 1, 1, 3, 3, 3, 5, 5],
  );
  assert.deepEqual(groupSizes(10_000), groupSizes(8));
});

test("reads and writes meet in an honest holder, and honest holders suffice for both", () => {
  for (let nodes = 1; nodes <= 8; nodes++) {
    const { holders, writes, liars, reads } = groupSizes(nodes);
    assert.ok(writes + reads - holders > liars, `a read of ${nodes} nodes could miss the last write`);
    assert.ok(2 * writes - holders > liars, `two writes of ${nodes} nodes could both win`);
    // Below four nodes nothing is tolerated, and nothing is promised about it.
    if (liars > 0) assert.ok(Math.max(writes, reads) <= holders - liars);
  }
});

test("a network has at least one node", () => {
  for (const wrong of [0, -1, 1.5, Number.NaN]) assert.throws(() => groupSizes(wrong), RangeError);
});
