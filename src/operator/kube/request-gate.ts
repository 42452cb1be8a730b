// At most so many calls on the way at once; who waits is let in by priority, then in order of coming.
import { KubeError } from "./errors.ts";

/** urgent: never waits (the lease) · normal: what a person or a change waits for · low: lists, events, resync. */
export type CallPriority = "urgent" | "normal" | "low";

export type RequestGate = {
  /** Resolves with the way out, to be called once. Rejects with a `KubeError` "overloaded" or the signal's reason. */
  enter(priority: CallPriority, signal: AbortSignal): Promise<() => void>;
  inFlight(): number;
};

type Waiting = { letIn(): void };

export function createRequestGate(limits: { readonly inFlightMax: number; readonly waitingMax: number }): RequestGate {
  const waiting = { normal: new Set<Waiting>(), low: new Set<Waiting>() };
  let inFlight = 0;
  const leave = (): void => {
    inFlight -= 1;
    const next = firstOf(waiting.normal) ?? firstOf(waiting.low);
    next?.letIn();
  };
  const pass = (): (() => void) => {
    inFlight += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
    };
  };
  return {
    inFlight: () => inFlight,
    enter: async (priority, signal) => {
      signal.throwIfAborted();
      if (priority === "urgent" || inFlight < limits.inFlightMax) return pass();
      if (waiting.normal.size + waiting.low.size >= limits.waitingMax)
        throw new KubeError("overloaded", `${limits.waitingMax} calls wait already`);
      return new Promise((resolve, reject) => {
        const place: Waiting = {
          letIn: () => {
            waiting[priority].delete(place);
            signal.removeEventListener("abort", giveUp);
            resolve(pass());
          },
        };
        const giveUp = (): void => {
          waiting[priority].delete(place);
          reject(signal.reason);
        };
        waiting[priority].add(place);
        signal.addEventListener("abort", giveUp, { once: true });
      });
    },
  };
}

function firstOf<T>(set: Set<T>): T | undefined {
  for (const item of set) return item;
  return undefined;
}
