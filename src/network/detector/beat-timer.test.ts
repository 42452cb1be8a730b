// Proves that a pulse that learns of something due sooner is woken for it, and not only when it had meant to wake: a starting
// node would else stay silent until its watchers suspect it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { startBeatTimer } from "./beat-timer.ts";

test("what is due sooner is done then, once, with its own time as the one that was due", async () => {
  const clock = createVirtualClock();
  let nextMs = 200;
  const woken: [nowMs: number, dueMs: number][] = [];
  const pulse = {
    wake: (dueMs: number) => {
      woken.push([clock.monotonicMs(), dueMs]);
      nextMs = [200, 500, 10_000][woken.length - 1] ?? 20_000;
      return false;
    },
    nextWakeMs: () => nextMs,
  };
  const beat = startBeatTimer(pulse, { nowMs: clock.monotonicMs, after: clock.after, onWoken: () => {} });
  await clock.advance(50);
  nextMs = 60;
  beat.hurry();
  beat.hurry();
  await clock.advance(450);
  assert.deepEqual(woken, [
    [0, 0],
    [60, 60],
    [500, 500],
  ]);
  beat.stop();
  await clock.advance(1_000);
  assert.equal(woken.length, 3);
});
