// Proves that every condition can be shown: reasons are words that programs compare, sentences are sentences, and facts fill
// every hole in them. Method: each entry of both catalogues.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { eventMessage, eventSentences, farmCondition, farmConditions, messageLengthMax, nodeConditions } from "./conditions.ts";

type Catalogue = Readonly<
  Record<string, { readonly about: string; readonly reasons: Readonly<Record<string, readonly [string, string]>> }>
>;
const catalogues: readonly Catalogue[] = [farmConditions, nodeConditions];
const entries = catalogues.flatMap((catalogue) =>
  Object.entries(catalogue).flatMap(([type, { about, reasons }]) =>
    Object.entries(reasons).map(([reason, [status, sentence]]) => ({ type, about, reason, status, sentence })),
  ),
);

test("types and reasons are words, sentences are sentences", () => {
  for (const { type, about, reason, sentence } of entries) {
    assert.match(type, /^[A-Z][A-Za-z]+$/);
    assert.match(reason, /^[A-Z][A-Za-z]+$/);
    for (const text of [about, sentence]) assert.match(text, /^[A-Z{].*\.$/, `${type} ${reason}: ${text}`);
  }
});

test("events that no condition tells have a word and a sentence too", () => {
  for (const [reason, sentence] of Object.entries(eventSentences)) {
    assert.match(reason, /^[A-Z][A-Za-z]+$/);
    assert.match(sentence, /^[A-Z].*\.$/);
  }
  assert.match(eventMessage("StatusRefused", { why: "spec.x: no" }), /\(spec\.x: no\)\.$/);
});

test("each condition has a reason for being good and one for not being so", () => {
  for (const catalogue of catalogues)
    for (const [type, { reasons }] of Object.entries(catalogue))
      assert.ok(new Set(Object.values(reasons).map(([status]) => status)).size > 1, type);
});

test("facts fill the sentence, and a long one is cut", () => {
  assert.deepEqual(farmCondition("NoSpareNode", "ExactlyMin", { nodes: 4, min: 4, more: 5 }), {
    type: "NoSpareNode",
    status: "True",
    reason: "ExactlyMin",
    message: "With 4 nodes and copies.min 4 no node can be lost without going below; set spec.replicas to 5 or more.",
  });
  assert.equal(farmCondition("Progressing", "Working", { action: "x".repeat(5000), why: "y" }).message.length, messageLengthMax);
});

test("the page on troubles says what to do for every reason that asks for something", () => {
  const nothingToDo = [
    ...["AllNodesReady", "Hibernating", "Working", "Settled", "AllWell", "EnoughCopies", "NoDrain", "ProvingCopies", "Spare", "Enough"],
    ...["Spread", "Joined", "Asleep", "Answering", "NoneWanted", "Accepted", "NotPaused", "SameImage", "Running", "Staying", "Announced"],
  ];
  const page = readFileSync("docs/kubernetes/troubleshooting.md", "utf8");
  const conditions = [farmConditions, nodeConditions].flatMap((all) => Object.values(all).flatMap((one) => Object.keys(one.reasons)));
  const reasons = [...conditions, ...Object.keys(eventSentences)];
  const missing = reasons.filter((reason) => !nothingToDo.includes(reason) && !page.includes(`\`${reason}\``));
  assert.deepEqual(missing, []);
});
