// Promises that run side by side and end together: the first failure aborts the rest, and nothing is left behind.

export type TaskSet = {
  /** Aborts with the outer signal and with the first failure. */
  readonly signal: AbortSignal;
  add(task: Promise<void>): void;
  fail(error: unknown): void;
  /** Resolves once all tasks have ended; rejects, then, with the first failure. */
  settled(): Promise<void>;
};

/** A set whose tasks end with `outer`. */
export function createTaskSet(outer: AbortSignal): TaskSet {
  const controller = new AbortController();
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    controller.abort(error);
  };
  return {
    signal: AbortSignal.any([outer, controller.signal]),
    add: (task) => {
      const tracked = task.catch(fail).finally(() => running.delete(tracked));
      running.add(tracked);
    },
    fail,
    settled: async () => {
      while (running.size > 0) await Promise.all(running);
      if (failure !== undefined) throw failure.error;
    },
  };
}
