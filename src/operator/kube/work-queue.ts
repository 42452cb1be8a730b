// The queue of names to look at: each waits at most once, is never with two workers, the important first, failing ones
// ever later. What happened to an object is not in it: whoever takes a name looks at the present.
import type { Clock, Timer } from "../../runtime/clock.ts";
import { keyBackoffMaxMs, keyBackoffMinMs, queueKeysMax } from "./limits.ts";
import type { QueueMetrics } from "./metrics.ts";
import { createReadyKeys } from "./ready-keys.ts";

/** What a change or a person waits for. */
export const normalPriority = 0;
/** Start-up and resync (controller-runtime): a restart must not delay news. */
export const lowPriority: number = -100;

export type AddOptions = {
  readonly priority?: number /** Milliseconds until it is ready; an earlier time already known stays. */;
  readonly afterMs?: number;
};
export type Taken = { readonly key: string; readonly priority: number };

export type WorkQueue = {
  /** False where the queue holds too many different keys, or is closed. */
  add(key: string, options?: AddOptions): boolean;
  /** Adds it after its own back-off, 5 ms doubled to 1,000 s; returns that wait. */
  addFailed(key: string, priority?: number): number;
  /** Its next failure waits the shortest time again. */
  forget(key: string): void;
  failures(key: string): number;
  /** The next key, once there is one; undefined once the queue is closed or `signal` aborts. Must be followed by `done`. */
  take(signal?: AbortSignal): Promise<Taken | undefined>;
  /** What was added meanwhile becomes ready now. */
  done(key: string): void;
  /** Keys ready, and keys that become so later. */
  size(): { readonly ready: number; readonly delayed: number; readonly working: number };
  close(): void;
};

export type QueueParts = { readonly name: string; readonly clock: Clock; readonly metrics: QueueMetrics };

type Delayed = { readonly timer: Timer; readonly atMs: number; readonly priority: number };
type Working = { readonly sinceMs: number /** Priority of what was added meanwhile. */; again: number | undefined };

export function createWorkQueue(
  { name, clock, metrics }: QueueParts,
  limits: { readonly keysMax: number } = { keysMax: queueKeysMax },
): WorkQueue {
  const ready = createReadyKeys([normalPriority, lowPriority]);
  const delayed = new Map<string, Delayed>();
  const working = new Map<string, Working>();
  const sleepers = createSleepers();
  let closed = false;

  const makeReady = (key: string, priority: number): void => {
    metrics.added();
    ready.add(key, priority, clock.monotonicMs());
    sleepers.wakeOne();
  };
  const addNow = (key: string, priority: number): void => {
    const later = delayed.get(key);
    later?.timer.cancel();
    delayed.delete(key);
    const highest = Math.max(priority, later?.priority ?? priority);
    const worker = working.get(key);
    if (worker !== undefined) worker.again = Math.max(highest, worker.again ?? highest);
    else if (ready.has(key)) ready.raise(key, highest);
    else makeReady(key, highest);
  };
  const addLater = (key: string, priority: number, afterMs: number): void => {
    metrics.retried();
    const worker = working.get(key);
    if (ready.has(key) || worker?.again !== undefined) return addNow(key, priority);
    const atMs = clock.monotonicMs() + afterMs;
    const known = delayed.get(key);
    known?.timer.cancel();
    const earliest = Math.min(atMs, known?.atMs ?? atMs);
    const timer = clock.after(earliest - clock.monotonicMs(), () => addNow(key, Number.NEGATIVE_INFINITY));
    delayed.set(key, { timer, atMs: earliest, priority: Math.max(priority, known?.priority ?? priority) });
  };
  const add: WorkQueue["add"] = (key, { priority = normalPriority, afterMs = 0 } = {}) => {
    const known = ready.has(key) || delayed.has(key) || working.has(key);
    if (closed || (!known && ready.size() + delayed.size + working.size >= limits.keysMax)) return false;
    if (afterMs > 0) addLater(key, priority, afterMs);
    else addNow(key, priority);
    return true;
  };
  const takeNow = (): Taken | undefined => {
    const [next, now] = [ready.takeFirst(), clock.monotonicMs()];
    if (next === undefined) return undefined;
    metrics.waited((now - next.sinceMs) / 1000);
    working.set(next.key, { sinceMs: now, again: undefined });
    return { key: next.key, priority: next.priority };
  };
  metrics.watch({
    name,
    depths: ready.depths,
    workingSeconds: () => [...working.values()].map(({ sinceMs }) => (clock.monotonicMs() - sinceMs) / 1000),
  });
  return {
    add,
    ...createKeyBackoff(add),
    take: async (signal) => {
      for (;;) {
        if (closed) return undefined;
        if (signal?.aborted) {
          // It may have been woken for a key that it leaves: another one must hear of it.
          if (ready.size() > 0) sleepers.wakeOne();
          return undefined;
        }
        const taken = takeNow();
        if (taken !== undefined) return taken;
        await sleepers.sleep(signal);
      }
    },
    done: (key) => {
      const worker = working.get(key);
      if (worker === undefined) return;
      working.delete(key);
      metrics.worked((clock.monotonicMs() - worker.sinceMs) / 1000);
      if (worker.again !== undefined && !closed) makeReady(key, worker.again);
    },
    size: () => ({ ready: ready.size(), delayed: delayed.size, working: working.size }),
    close: () => {
      closed = true;
      for (const { timer } of delayed.values()) timer.cancel();
      delayed.clear();
      sleepers.wakeAll();
    },
  };
}

function createKeyBackoff(add: WorkQueue["add"]): Pick<WorkQueue, "addFailed" | "forget" | "failures"> {
  const failed = new Map<string, number>();
  return {
    addFailed: (key, priority = normalPriority) => {
      const before = failed.get(key) ?? 0;
      failed.set(key, before + 1);
      const delayMs = Math.min(keyBackoffMaxMs, keyBackoffMinMs * 2 ** Math.min(before, 40));
      add(key, { priority, afterMs: delayMs });
      return delayMs;
    },
    forget: (key) => failed.delete(key),
    failures: (key) => failed.get(key) ?? 0,
  };
}

type Sleepers = { sleep(signal: AbortSignal | undefined): Promise<void>; wakeOne(): void; wakeAll(): void };

function createSleepers(): Sleepers {
  const asleep = new Set<() => void>();
  return {
    wakeOne: () => {
      const [first] = asleep;
      first?.();
    },
    wakeAll: () => {
      for (const wake of [...asleep]) wake();
    },
    sleep: (signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          asleep.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        asleep.add(wake);
        signal?.addEventListener("abort", wake, { once: true });
      }),
  };
}
