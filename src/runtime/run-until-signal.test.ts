// Proves that a program runs until a signal and then stops, that failures end it with exit code 1, and that a second
// signal or a stop that hangs does not keep it. Method: a stand-in for the process that emits signals; the virtual clock.
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import type { Log } from "./log.ts";
import { silentLog } from "./log.ts";
import { type Program, runUntilSignal } from "./run-until-signal.ts";
import { createVirtualClock } from "./virtual-clock.ts";

class FakeProcess extends EventEmitter {
  exits: (number | string | null | undefined)[] = [];
  exit(code?: number | string | null): never {
    this.exits.push(code);
    throw new Error("exit");
  }
}
const frame = (log: Log = silentLog) => ({ clock: createVirtualClock(), log, process: new FakeProcess() });
const programOf = (parts: Partial<Program>): Program => ({ start: async () => {}, stop: async () => {}, ...parts });

test("runs until SIGTERM, stops, and ends with 0", async () => {
  const tools = frame();
  const steps: string[] = [];
  const program = programOf({ start: async () => void steps.push("start"), stop: async () => void steps.push("stop") });
  const ended = runUntilSignal(program, tools, { graceMs: 1000 });
  await new Promise(setImmediate);
  tools.process.emit("SIGTERM", "SIGTERM");
  assert.equal(await ended, 0);
  assert.deepEqual(steps, ["start", "stop"]);
  assert.equal(tools.process.listenerCount("SIGTERM"), 0);
});

test("a start that fails ends with 1 and one error in the log", async () => {
  const errors: string[] = [];
  const tools = frame({ ...silentLog, error: (sentence) => void errors.push(sentence) });
  const program = programOf({ start: () => Promise.reject(new Error("port 1 is in use")) });
  assert.equal(await runUntilSignal(program, tools, { graceMs: 1000 }), 1);
  assert.deepEqual(errors, ["port 1 is in use"]);
});

test("a program that cannot go on is stopped and ends with 1", async () => {
  const tools = frame();
  const steps: string[] = [];
  const program = programOf({ failed: Promise.resolve(new Error("clash")), stop: async () => void steps.push("stop") });
  assert.equal(await runUntilSignal(program, tools, { graceMs: 1000 }), 1);
  assert.deepEqual(steps, ["stop"]);
});

test("a signal during the start ends it with 0", async () => {
  const tools = frame();
  const program = programOf({ start: (signal) => once(signal, "abort").then(() => signal.throwIfAborted()) });
  const ended = runUntilSignal(program, tools, { graceMs: 1000 });
  tools.process.emit("SIGINT", "SIGINT");
  assert.equal(await ended, 0);
});

test("a stop that hangs is left behind after the grace", async () => {
  const tools = frame();
  const ended = runUntilSignal(programOf({ stop: () => new Promise(() => {}) }), tools, { graceMs: 1000 });
  await new Promise(setImmediate);
  tools.process.emit("SIGTERM", "SIGTERM");
  assert.equal(await tools.clock.runUntil(ended), 1);
});

test("a second signal ends the process at once", async () => {
  const tools = frame();
  const ended = runUntilSignal(programOf({ stop: () => new Promise(() => {}) }), tools, { graceMs: 1000 });
  await new Promise(setImmediate);
  tools.process.emit("SIGTERM", "SIGTERM");
  assert.throws(() => tools.process.emit("SIGTERM", "SIGTERM"), /exit/);
  assert.deepEqual(tools.process.exits, [1]);
  await tools.clock.runUntil(ended);
});

test("a stop that fails is told and ends with 1, after a signal too", async () => {
  const errors: string[] = [];
  const tools = frame({ ...silentLog, error: (sentence) => void errors.push(sentence) });
  const ended = runUntilSignal(programOf({ stop: () => Promise.reject(new Error("the index was not written")) }), tools, { graceMs: 1000 });
  await new Promise(setImmediate);
  tools.process.emit("SIGTERM", "SIGTERM");
  assert.equal(await ended, 1);
  assert.deepEqual(errors, ["failed to stop"]);
});

test("a promise that nobody listened to is told and ends nothing", async () => {
  const errors: string[] = [];
  const tools = frame({ ...silentLog, error: (sentence) => void errors.push(sentence) });
  const ended = runUntilSignal(programOf({}), tools, { graceMs: 1000 });
  await new Promise(setImmediate);
  tools.process.emit("unhandledRejection", new Error("of some library"));
  assert.deepEqual(errors, ["a promise was rejected and nobody listened"]);
  tools.process.emit("SIGTERM", "SIGTERM");
  assert.equal(await ended, 0);
  assert.equal(tools.process.listenerCount("unhandledRejection"), 0);
});
