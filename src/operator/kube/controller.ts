// Workers that take names from a queue and reconcile them: what fails comes again later, what throws harms nobody else.
import type { Clock } from "../../runtime/clock.ts";
import type { Part } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { abortWith } from "./abort-with.ts";
import { resyncMs } from "./limits.ts";
import type { ControllerMetrics, KubeMetrics, ReconcileOutcome } from "./metrics.ts";
import type { Change } from "./object-store.ts";
import type { Reflector } from "./reflector.ts";
import { createWorkQueue, lowPriority, normalPriority, type Taken, type WorkQueue } from "./work-queue.ts";

/**
 * done: as it should be · after: looked at again in `delayMs` · again: tried again with back-off, nothing is wrong ·
 * failed: tried again with back-off · hopeless: not tried again before something changes.
 */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "after"; readonly delayMs: number }
  | { readonly kind: "again" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "hopeless"; readonly error: unknown };

export type About = {
  /** Aborts when time is over or the controller stops. */
  readonly signal: AbortSignal;
  /** Failures of this key in a row before this try. */
  readonly failures: number;
};

/** Makes the world as the object of that name wants it, whatever happened before. */
export type Reconcile = (key: string, about: About) => Promise<Outcome>;

export type ControllerOptions = {
  readonly name: string;
  readonly workers: number;
  readonly reconcile: Reconcile;
  /** Milliseconds after which `signal` aborts; the worker still waits for the function, so that a key never has two. */
  readonly timeoutMs: number;
  /** All keys there are: looked at when it starts and about every ten hours, at low priority. */
  keys(): Iterable<string>;
  readonly resyncMs?: number;
};

export type ControllerTools = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Pick<KubeMetrics, "controller" | "queue">;
};

export type Controller = Part & {
  readonly queue: WorkQueue;
  /** Each change of `reflector` brings the keys it concerns into the queue; what is only start-up at low priority. */
  follow<T>(reflector: Reflector<T>, keysOf: (change: Change<T>) => Iterable<string>): void;
  /** Keys being reconciled, and since when in seconds since 1970. */
  running(): ReadonlyMap<string, number>;
};

/** A controller whose queue collects from the start, and whose workers run from `start` to `stop`. */
export function createController(options: ControllerOptions, tools: ControllerTools): Controller {
  const { clock, log } = tools;
  const metrics = tools.metrics.controller(options.name);
  const queue = createWorkQueue({ name: options.name, clock, metrics: tools.metrics.queue(options.name) });
  const running = new Map<string, number>();
  const stopping = new AbortController();
  let workers: Promise<unknown> = Promise.resolve();
  metrics.watch({ workers: options.workers, running: () => running });

  const add = (key: string, priority: number): void => {
    if (!queue.add(key, { priority }) && !stopping.signal.aborted)
      log.error("the work queue is full, a key is left to the next resync", { key });
  };
  const work = async (): Promise<void> => {
    for (let taken = await queue.take(); taken !== undefined; taken = await queue.take()) {
      running.set(taken.key, clock.wallMs() / 1000);
      const outcome = await reconcileOne({ options, clock, metrics, stopping: stopping.signal }, taken, queue.failures(taken.key));
      running.delete(taken.key);
      settle(queue, taken, outcome, { log, metrics });
      queue.done(taken.key);
    }
  };
  const resync = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        for (const key of options.keys()) add(key, lowPriority);
      } catch (cause) {
        log.error("the keys of a resync could not be listed", { cause });
      }
      const everyMs = (options.resyncMs ?? resyncMs) * (0.9 + tools.random.fraction() / 5);
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
    }
  };
  return {
    name: `controller ${options.name}`,
    queue,
    running: () => running,
    follow: (reflector, keysOf) =>
      reflector.onChange((change, { initial }) => {
        for (const key of keysOf(change)) add(key, initial ? lowPriority : normalPriority);
      }),
    start: () => {
      workers = Promise.all([resync(), ...Array.from({ length: options.workers }, work)]);
    },
    stop: async () => {
      stopping.abort(new Error("the controller stops"));
      queue.close();
      await workers;
    },
  };
}

type Settling = {
  readonly options: ControllerOptions;
  readonly clock: Clock;
  readonly metrics: ControllerMetrics;
  readonly stopping: AbortSignal;
};

async function reconcileOne({ options, clock, metrics, stopping }: Settling, { key }: Taken, failures: number): Promise<Outcome> {
  const beganMs = clock.monotonicMs();
  const limit = new AbortController();
  const unlink = abortWith(limit, stopping);
  const timer = clock.after(options.timeoutMs, () => {
    metrics.timedOut();
    limit.abort(new Error(`reconciling took more than ${options.timeoutMs} ms`));
  });
  let outcome: Outcome;
  try {
    outcome = await options.reconcile(key, { signal: limit.signal, failures });
  } catch (error) {
    metrics.panicked();
    outcome = { kind: "failed", error };
  } finally {
    timer.cancel();
    unlink();
  }
  metrics.reconciled(resultOf(outcome), (clock.monotonicMs() - beganMs) / 1000);
  return outcome;
}

function resultOf(outcome: Outcome): ReconcileOutcome {
  switch (outcome.kind) {
    case "done":
      return "success";
    case "after":
      return "requeue_after";
    case "again":
      return "requeue";
    default:
      return "error";
  }
}

function settle(
  queue: WorkQueue,
  { key, priority }: Taken,
  outcome: Outcome,
  { log, metrics }: { log: Log; metrics: ControllerMetrics },
): void {
  switch (outcome.kind) {
    case "done":
      return queue.forget(key);
    case "after":
      queue.forget(key);
      queue.add(key, { priority, afterMs: Math.max(1, outcome.delayMs) });
      return;
    case "again":
      queue.addFailed(key, priority);
      return;
    case "failed": {
      const delayMs = queue.addFailed(key, priority);
      return log.warn("a reconcile failed and is tried again", { key, delayMs, cause: outcome.error });
    }
    case "hopeless":
      metrics.terminalError();
      queue.forget(key);
      return log.error("a reconcile failed for good, until something changes", { key, cause: outcome.error });
  }
}
