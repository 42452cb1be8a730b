// Proves the order in which a program of controllers lives: caches first, on standbys too, work only as leader, and an end
// that is prompt when asked and when the leadership is lost. Method: real manager and small real parts that write a diary.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Part } from "../../runtime/lifecycle.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { Elector } from "./elector.ts";
import { KubeError } from "./errors.ts";
import { createManager, type Manager, type ManagerParts } from "./manager.ts";

type World = {
  readonly manager: Manager;
  readonly diary: string[];
  readonly synced: PromiseWithResolvers<void>;
  /** Of the namespaces one and two. */
  readonly answered: readonly PromiseWithResolvers<KubeError | undefined>[];
  readonly filled: readonly PromiseWithResolvers<void>[];
  readonly won: PromiseWithResolvers<void>;
  readonly lost: PromiseWithResolvers<void>;
};

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([promise, new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))]);
}

/** `namespaces`: whether two are read apart. */
function createWorld(startWork?: () => void, namespaces = false): World {
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
  const reflector: ManagerParts["reflectors"][number] = {
    ...part("cache"),
    whenSynced: (signal) => orAborted(synced.promise, signal),
    whenAnswered: (signal) => orAborted(synced.promise, signal).then(() => undefined),
  };
  const answered = [Promise.withResolvers<KubeError | undefined>(), Promise.withResolvers<KubeError | undefined>()];
  const filled = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const cacheOf = (name: string, i: number): ManagerParts["reflectors"][number] => ({
    ...part(name),
    whenSynced: (signal) => orAborted(filled[i]?.promise ?? Promise.resolve(), signal),
    whenAnswered: (signal) => orAborted(answered[i]?.promise ?? Promise.resolve(undefined), signal),
  });
  const elector: Elector = {
    ...part("elector"),
    leading: () => true,
    whenLeading: (signal) => orAborted(won.promise, signal),
    lost: lost.promise,
  };
  const clock = createVirtualClock();
  const noteInfo = (words: string): void => void (words.includes("namespace") && diary.push(`info ${words}`));
  const manager = createManager({
    reflectors: [reflector],
    namespaces: new Map(namespaces ? ["one", "two"].map((name, i) => [name, [cacheOf(name, i)]] as const) : []),
    elector,
    leaders: [part("work", startWork)],
    clock,
    log: { ...silentLog, error: (words, facts) => diary.push(`error ${words} ${JSON.stringify(facts)}`), info: noteInfo },
  });
  return { manager, diary, synced, answered, filled, won, lost };
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

test("a namespace that may not be read holds up no other, is named with what is missing, and is told of once it may be", async () => {
  const { manager, diary, synced, answered, filled, won } = createWorld(undefined, true);
  const stopping = new AbortController();
  const end = manager.run(stopping.signal);
  synced.resolve();
  won.resolve();
  answered[0]?.resolve(undefined);
  await turn();
  assert.equal(manager.isReady(), false, "nobody knows yet what the second one holds");
  answered[1]?.resolve(new KubeError("forbidden", "cannot list pods in the namespace two"));
  await turn();
  assert.match(diary.at(-1) ?? "", /^error a namespace may not be read.*"namespace":"two"/);
  assert.equal(manager.isReady(), false, "of two of which none is read there is nothing to do");
  filled[0]?.resolve();
  await turn();
  assert.deepEqual([manager.isReady(), manager.isLeading()], [true, true]);
  filled[1]?.resolve();
  await turn();
  assert.equal(diary.at(-1), "info a namespace may be read now, and is looked after");
  stopping.abort();
  await end;
});
