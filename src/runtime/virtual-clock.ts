// A clock whose time moves only when told: simulations and tests run hours in milliseconds, and always the same way.
import type { Clock } from "./clock.ts";
import { createTimerHeap, type HeapTimer } from "./timer-heap.ts";

export type VirtualClock = Clock & {
  /** Moves time on by `durationMs`, running each timer at its own instant, in order of time and then of making. */
  advance(durationMs: number): Promise<void>;
  /** Moves time on until `promise` settles. Throws where nothing is left to wait for, or after `limitMs`. */
  runUntil<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Timers run so far: how much happened. */
  events(): number;
};

const hourMs = 3_600_000;

/** A clock that stands at `startWallMs` of wall time. */
export function createVirtualClock(startWallMs = 1_800_000_000_000): VirtualClock {
  let nowMs = 0;
  let order = 0;
  let events = 0;
  const waiting = createTimerHeap();

  const after = (delayMs: number, action: () => void): { cancel(): void } => {
    order += 1;
    const timer = { atMs: nowMs + Math.max(0, delayMs), order, action, place: -1 };
    waiting.add(timer);
    return { cancel: () => waiting.remove(timer) };
  };
  const fire = async (timer: HeapTimer): Promise<void> => {
    waiting.remove(timer);
    nowMs = Math.max(nowMs, timer.atMs);
    events += 1;
    timer.action();
    await settle();
  };
  const advance = async (durationMs: number): Promise<void> => {
    const untilMs = nowMs + durationMs;
    await settle();
    for (let timer = waiting.first(); timer !== undefined && timer.atMs <= untilMs; timer = waiting.first()) await fire(timer);
    nowMs = untilMs;
  };
  const runUntil = async <T>(promise: Promise<T>, limitMs = hourMs): Promise<T> => {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    const untilMs = nowMs + limitMs;
    await settle();
    while (!settled) {
      const timer = waiting.first();
      if (timer === undefined || timer.atMs > untilMs) throw new Error(`nothing settled the promise within ${limitMs} ms of virtual time`);
      await fire(timer);
    }
    return promise;
  };
  const [monotonicMs, wallMs] = [() => nowMs, () => Math.floor(startWallMs + nowMs)];
  return { monotonicMs, wallMs, after, sleep: sleeper(after), advance, runUntil, events: () => events };
}

function sleeper(after: Clock["after"]): Clock["sleep"] {
  return (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = after(delayMs, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      const stop = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
    });
}

// setImmediate comes after all microtasks have run dry, and lets real input and output (none in a pure simulation) go on.
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
