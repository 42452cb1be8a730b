// Proves that the judge of a cache under faults finds what was missed, and takes for hidden only what an expired version can hide.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { judgeTelling, type Written } from "./support/missed-changes.ts";

const write = (version: number, name = "a"): Written => ({ name, removal: false, version });
const removal = (version: number, name = "a"): Written => ({ name, removal: true, version });
const gap = { after: 10, to: 20 };

test("without a gap each change is told once and in order", () => {
  const history = [write(1), write(2, "b"), removal(1), write(5)];
  const judge = (...told: readonly string[]) => judgeTelling(history, told, []);
  assert.deepEqual(judge("b@2", "a@1", "a removed", "a@5"), { missed: [], wrong: [], hidden: 0 });
  assert.deepEqual(judge("a@1", "a removed", "a@5").missed, ["b@2"]);
  assert.deepEqual(judge("a@1", "b@2", "a@5").missed, ["a removed"]);
  assert.deepEqual(judge("a@1", "b@2", "b@2", "a removed", "a@5", "c@1").wrong, ["c@1", "b@2"], "twice, and of nothing");
  assert.deepEqual(judge("a@5", "b@2", "a@1", "a removed").wrong, ["a@1", "a removed"], "out of order");
});

test("a gap hides what was over before its end, and nothing that stayed", () => {
  assert.deepEqual(judgeTelling([write(9), write(11), write(15)], ["a@9", "a@15"], [gap]), { missed: [], wrong: [], hidden: 1 });
  assert.deepEqual(judgeTelling([write(9), write(11), write(15)], ["a@9"], [gap]).missed, ["a@15"]);
  assert.deepEqual(judgeTelling([write(11), write(25)], ["a@25"], [gap]).missed, ["a@11"], "it stayed until after the list");
  assert.deepEqual(judgeTelling([write(9), write(15)], ["a@15"], [gap]).missed, ["a@9"], "it was there before the gap");
});

test("a removal is hidden only where nothing that was shown went with it", () => {
  assert.equal(judgeTelling([write(11), removal(11)], [], [gap]).hidden, 2);
  assert.deepEqual(judgeTelling([write(9), write(11), removal(11)], ["a@9"], [gap]).missed, ["a removed"]);
  assert.deepEqual(judgeTelling([write(9), removal(12), write(15)], ["a@9", "a removed", "a@15"], [gap]).missed, []);
});
