// Lets requests through to the handlers while the node serves, refuses them afterwards, and tells when the last one ended.
import type { Handler } from "../network/peers.ts";
import { HandlerError } from "./errors.ts";
import type { NodeEvents } from "./node-events.ts";

export type WorkGate = {
  /** The handler behind the gate. `serves`: asked at each request. */
  guard(handler: Handler, serves: () => boolean): Handler;
  /** Nothing new from now on. */
  close(): void;
  /** Resolves once nothing is in flight. */
  idle(): Promise<void>;
};

/** An open gate; requests that end without an answer are told to `events`. */
export function createWorkGate(events: NodeEvents): WorkGate {
  let closed = false;
  let inFlight = 0;
  let waiting: (() => void)[] = [];
  const leave = (): void => {
    inFlight -= 1;
    if (inFlight > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const guard =
    (handler: Handler, serves: () => boolean): Handler =>
    async (from, message, signal) => {
      inFlight += 1;
      try {
        if (closed || !serves()) throw new HandlerError("not-serving", "this node does not serve that now", from);
        return await handler(from, message, signal);
      } catch (error) {
        message.release();
        if (error instanceof HandlerError) events.requestRejected(error.code);
        throw error;
      } finally {
        leave();
      }
    };
  return {
    guard,
    close: () => {
      closed = true;
    },
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
