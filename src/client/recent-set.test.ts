// Proves that a recent set keeps the newest up to its number and forgets the oldest first, also what was added again.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createRecentSet } from "./recent-set.ts";

test("the newest are kept, the oldest forgotten", () => {
  const set = createRecentSet<number>(3);
  for (const one of [1, 2, 3, 1, 4]) set.add(one);
  assert.deepEqual([1, 2, 3, 4].filter(set.has), [1, 3, 4]);
  set.add(5);
  assert.deepEqual([1, 3, 4, 5].filter(set.has), [1, 4, 5]);
});
