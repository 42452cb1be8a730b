// Proves that a long work is begun once, asked for again until it is there, handed out once, and made anew after that; that
// one of another name waits its turn; and that what fails, or is stopped, is said and not thrown.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createStopJobs } from "./stop-jobs.ts";

test("a work is begun once, waited for in pieces, and handed out once", async () => {
  const clock = createVirtualClock();
  const jobs = createStopJobs(clock);
  let begun = 0;
  const work = async (signal: AbortSignal): Promise<Uint8Array> => {
    begun += 1;
    const which = begun;
    await clock.sleep(5_000, signal);
    return Uint8Array.of(which);
  };
  const ask = (name = "a") => clock.runUntil(jobs.ask(name, work));
  assert.deepEqual([await ask(), await ask()], [{ kind: "working" }, { kind: "working" }]);
  assert.deepEqual(await ask("b"), { kind: "working" });
  assert.deepEqual(await ask(), { kind: "done", bytes: Uint8Array.of(1) });
  assert.equal(begun, 1, "the other name waited");
  await ask();
  assert.equal(begun, 2);
  await clock.advance(70_000);
  await ask();
  assert.equal(begun, 3, "an outcome nobody fetched in time is not of now");
});

test("a work is busy until its outcome is fetched, or too old to be", async () => {
  const clock = createVirtualClock();
  const jobs = createStopJobs(clock);
  const work = async (signal: AbortSignal): Promise<Uint8Array> => clock.sleep(5_000, signal).then(() => new Uint8Array(0));
  const busy = (): readonly boolean[] => [jobs.isBusy(), jobs.isBusy("a"), jobs.isBusy("b")];
  assert.deepEqual(busy(), [false, false, false]);
  await clock.runUntil(jobs.ask("a", work));
  assert.deepEqual(busy(), [true, true, false]);
  await clock.advance(5_000);
  assert.deepEqual(busy(), [true, true, false], "nobody fetched it yet");
  assert.equal((await clock.runUntil(jobs.ask("a", work))).kind, "done");
  assert.deepEqual(busy(), [false, false, false]);
  await clock.runUntil(jobs.ask("a", work));
  await clock.advance(70_000);
  assert.deepEqual(busy(), [false, false, false]);
});

test("a failure is said, and ends; a stop ends what is under way", async () => {
  const clock = createVirtualClock();
  const jobs = createStopJobs(clock);
  const fails = async (): Promise<Uint8Array> => Promise.reject(new Error("silent"));
  assert.deepEqual(await clock.runUntil(jobs.ask("a", fails)), { kind: "failed", why: "silent" });
  const long = jobs.ask("a", async (signal) => clock.sleep(3_600_000, signal).then(() => new Uint8Array(0)));
  jobs.stop();
  assert.deepEqual(await clock.runUntil(long), { kind: "failed", why: "the node stops" });
});
