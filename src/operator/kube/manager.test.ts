// Proves the order in which a program of controllers lives: caches first, on standbys too, work only as leader, and an end
// that is prompt when asked and when the leadership is lost. Method: real manager and small real parts that write a diary.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Part } from "../../runtime/lifecycle.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { Elector } from "./elector.ts";
import { createManager, type Manager, type ManagerParts } from "./manager.ts";

type World = {
  readonly manager: Manager;
  readonly diary: string[];
  readonly synced: PromiseWithResolvers<void>;
  readonly won: PromiseWithResolvers<void>;
  readonly lost: PromiseWithResolvers<void>;
};

function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return Promise.race([promise, new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))]);
}

function createWorld(startWork?: () => void): World {
  const diary: string[] = [];
  const part = (name: string, start?: () => void): Part => ({
    name,
    start: () => {
      diary.push(`start ${name}`);
      start?.();
    },
    stop: () => void diary.push(`stop ${name}`),
  });
  const synced = Promise.withResolvers<void>();
  const won = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const reflector: ManagerParts["reflectors"][number] = { ...part("cache"), whenSynced: (signal) => orAborted(synced.promise, signal) };
  const elector: Elector = {
    ...part("elector"),
    leading: () => true,
    whenLeading: (signal) => orAborted(won.promise, signal),
    lost: lost.promise,
  };
  const clock = createVirtualClock();
  const manager = createManager({ reflectors: [reflector], elector, leaders: [part("work", startWork)], clock, log: silentLog });
  return { manager, diary, synced, won, lost };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("caches fill, then who leads works; asked to stop, work ends before the lease and the caches", async () => {
  const { manager, diary, synced, won } = createWorld();
  const stopping = new AbortController();
  const end = manager.run(stopping.signal);
  await turn();
  assert.deepEqual([diary.join(", "), manager.isReady()], ["start cache, start elector", false]);
  synced.resolve();
  await turn();
  assert.deepEqual([manager.isReady(), manager.isLeading()], [true, false], "a standby is ready, and does not work");
  won.resolve();
  await turn();
  assert.equal(manager.isLeading(), true);
  stopping.abort();
  assert.equal(await end, "stopped");
  assert.deepEqual(diary.slice(2), ["start work", "stop work", "stop elector", "stop cache"]);
});

test("who loses the leadership ends and says so", async () => {
  const { manager, diary, synced, won, lost } = createWorld();
  const end = manager.run(new AbortController().signal);
  synced.resolve();
  won.resolve();
  await turn();
  lost.resolve();
  assert.equal(await end, "lost");
  assert.deepEqual(diary.slice(-3), ["stop work", "stop elector", "stop cache"]);
});

test("stopped while it waits, it never works", async () => {
  const { manager, diary, won } = createWorld();
  const stopping = new AbortController();
  const end = manager.run(stopping.signal);
  won.resolve();
  await turn();
  stopping.abort();
  assert.equal(await end, "stopped");
  assert.deepEqual(diary, ["start cache", "start elector", "stop elector", "stop cache"]);
  assert.equal(await manager.run(stopping.signal), "stopped", "and not again");
});

test("a part that does not start ends it with that error", async () => {
  const { manager, diary, synced, won } = createWorld(() => {
    throw new Error("no room");
  });
  const end = manager.run(new AbortController().signal);
  synced.resolve();
  won.resolve();
  await assert.rejects(end, /no room/);
  assert.deepEqual(diary.slice(-2), ["stop elector", "stop cache"]);
});
