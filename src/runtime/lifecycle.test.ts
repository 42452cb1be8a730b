// Proves that parts start in order and stop in reverse, that a failed start undoes the ones before it, and that a part
// which is slow or fails to stop does not keep the others. Method: parts that write down what happens; the virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createLifecycle, type Part } from "./lifecycle.ts";
import { type Fields, silentLog } from "./log.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const never = new AbortController().signal;
const setup = (change: (name: string) => Partial<Part> = () => ({})) => {
  const steps: string[] = [];
  const warnings: (Fields | undefined)[] = [];
  const clock = createVirtualClock();
  const part = (name: string): Part => ({
    name,
    start: () => void steps.push(`start ${name}`),
    stop: () => void steps.push(`stop ${name}`),
    ...change(name),
  });
  const log = { ...silentLog, warn: (_sentence: string, fields?: Fields) => void warnings.push(fields) };
  return { steps, warnings, clock, lifecycle: createLifecycle(["a", "b", "c"].map(part), { clock, log }, { stopMs: 1000 }) };
};

test("starts first to last, stops last to first, once", async () => {
  const { steps, lifecycle } = setup();
  await lifecycle.start(never);
  await lifecycle.stop();
  await lifecycle.stop();
  assert.deepEqual(steps, ["start a", "start b", "start c", "stop c", "stop b", "stop a"]);
});

test("a start that fails stops what was started, the failed part too, and the error goes on", async () => {
  const { steps, lifecycle } = setup((name) => (name === "b" ? { start: () => Promise.reject(new Error("no")) } : {}));
  await assert.rejects(lifecycle.start(never), /no/);
  assert.deepEqual(steps, ["start a", "stop b", "stop a"]);
});

test("a part that fails or hangs at its stop does not keep the others", async () => {
  const { steps, warnings, clock, lifecycle } = setup((name) =>
    name === "c" ? { stop: () => new Promise(() => {}) } : name === "b" ? { stop: () => Promise.reject(new Error("no")) } : {},
  );
  await lifecycle.start(never);
  await clock.runUntil(lifecycle.stop());
  assert.equal(steps.at(-1), "stop a");
  assert.deepEqual(warnings, [{ part: "c", limitMs: 1000 }]);
});

test("an aborted start starts nothing more", async () => {
  const asked = new AbortController();
  const { steps, lifecycle } = setup((name) => (name === "a" ? { start: () => asked.abort(new Error("stop")) } : {}));
  await assert.rejects(lifecycle.start(asked.signal), /stop/);
  assert.deepEqual(steps, ["stop a"]);
});
