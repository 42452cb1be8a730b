// Whether the machine itself stood still while something was timed: a thread of its own that does nothing but wake, and says
// when it woke late.
import { Worker } from "node:worker_threads";

/** From when it should have woken to when it did, on the host's monotonic clock. */
export type Stall = { readonly dueMs: number; readonly nowMs: number };

export type StallWitness = {
  /** The longest of the stalls that reach into this time, milliseconds; 0 = none over 4 ms. */
  longestMs(fromMs: number, toMs: number): number;
  stop(): Promise<void>;
};

/** Stalls kept: a busy machine has some each second, and each event asks for its own alone. */
const keptMax = 4_096;

/** Watches from now on. */
export function startStallWitness(): StallWitness {
  const stalls: Stall[] = [];
  const worker = new Worker(new URL("./stall-witness-thread.ts", import.meta.url), { name: "stall-witness" });
  worker.on("message", (stall: Stall) => {
    stalls.push(stall);
    if (stalls.length > keptMax) stalls.shift();
  });
  return {
    longestMs: (fromMs, toMs) =>
      Math.max(0, ...stalls.filter(({ dueMs, nowMs }) => nowMs >= fromMs && dueMs <= toMs).map(({ dueMs, nowMs }) => nowMs - dueMs)),
    stop: async () => void (await worker.terminate()),
  };
}
