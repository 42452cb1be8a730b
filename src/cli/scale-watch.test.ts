// Proves how the watching of a scale ends where the farm does not get there: stopped, overtaken by another wish, stuck, or left by
// Ctrl-C, each with its exit code and with what goes on. Method: the real command on a farm's folder that this process holds the lock
// of, with nodes that never run; a clock that jumps a minute at each pause.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Ended, runInProcess } from "./command-fixture.ts";
import { exitCodes } from "./exit-code.ts";
import { fiveNodes, stoppedFarm } from "./local-farm/farm-fixture.ts";
import type { FarmFolder } from "./local-farm/farm-folder.ts";
import { type TakenLock, takeLock } from "./local-farm/farm-lock.ts";
import type { NodePlace } from "./local-farm/farm-state.ts";
import { writeScaleWish } from "./local-farm/scale-wish.ts";
import { isThere } from "./scale-watch.ts";

const work = mkdtempSync(join(tmpdir(), "scale-watch-"));
after(() => rmSync(work, { recursive: true, force: true }));
const state = {
  ...fiveNodes,
  nodes: fiveNodes.nodes.map((node, i): NodePlace => (i === 4 ? { ...node, assigned: { leaving: "ScaleDown" } } : node)),
};
let folder: FarmFolder;
let lock: TakenLock;
beforeEach(async () => {
  folder = await stoppedFarm(work, state);
  const taken = await takeLock(folder.lock);
  assert.ok(taken.kind === "taken");
  lock = taken;
});

/** A clock that a minute passes on at each pause, before which `meanwhile` happens. */
function jumping(meanwhile: (pause: number) => Promise<void> | void = () => {}): Clock {
  let pauses = 0;
  return {
    ...systemClock,
    monotonicMs: () => pauses * 60_000,
    sleep: async (_, signal) => {
      await meanwhile(pauses);
      pauses += 1;
      signal?.throwIfAborted();
    },
  };
}
const scale = (clock: Clock, interrupted = new AbortController().signal): Promise<Ended> =>
  runInProcess(["scale", "4"], work, { clock, interrupted });

test("a farm that is stopped meanwhile goes on at its next start", async () => {
  const { code, err } = await scale(jumping((pause) => (pause === 1 ? lock.release() : undefined)));
  assert.deepEqual([code, /stopped before it had 4 nodes; it goes on at its next start/.test(err)], [exitCodes.unreachable, true]);
});

test("another wish overtakes this one", async () => {
  const { code, err } = await scale(jumping(() => writeScaleWish(folder, { nodes: 6, over: 5 })));
  await lock.release();
  assert.deepEqual([code, /6 nodes were asked for meanwhile/.test(err)], [exitCodes.refused, true]);
});

test("where nothing moves for five minutes it says what each node that leaves waits for, once as it goes and at the end", async () => {
  const why = "12 of 40 chunks would have too few copies";
  writeFileSync(folder.plan, JSON.stringify([{ action: "prove-node", node: "attic-e", why, waiting: false }]));
  const { code, err } = await scale(jumping());
  await lock.release();
  assert.equal(code, exitCodes.refused);
  assert.equal(err.split("\n")[0], `attic-e: ${why}`);
  assert.match(err, new RegExp(`vaultfarm: nothing has moved for 5 minutes: attic-e: ${why}; it is tried on`));
});

test("what moves is waited for as long as it moves", async () => {
  const step = (short: number): void =>
    writeFileSync(folder.plan, JSON.stringify([{ action: "prove-node", node: "attic-e", why: `${short} chunks`, waiting: false }]));
  let pauses = 0;
  await scale(
    jumping((pause) => {
      pauses = pause;
      if (pause < 20) step(20 - pause);
    }),
  );
  await lock.release();
  assert.ok(pauses >= 20, `given up after ${pauses} minutes`);
});

test("Ctrl-C ends the watching alone", async () => {
  const stop = new AbortController();
  const { code, err } = await scale(
    jumping(() => stop.abort()),
    stop.signal,
  );
  await lock.release();
  assert.deepEqual([code, /attic goes on towards 4 nodes; vaultfarm status shows how far/.test(err)], [exitCodes.interrupted, true]);
});

test("it is there only when every node is ready, none is left over and none leaves", () => {
  const there = { nodes: 4, staying: 4, ready: 4, leaving: [] };
  assert.equal(isThere(there, 4), true);
  for (const change of [{ nodes: 5 }, { staying: 3 }, { ready: 3 }, { leaving: ["attic-e: it is one too many"] }])
    assert.equal(isThere({ ...there, ...change }, 4), false, JSON.stringify(change));
});
