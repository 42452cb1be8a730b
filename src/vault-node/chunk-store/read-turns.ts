// Turns at the disk: so many readers at a time, the others in the order in which they came.
import { ChunkStoreError } from "./chunk-store-error.ts";

export type ReadTurns = {
  /** Runs `action` when its turn has come. Rejects with a `ChunkStoreError` busy where too many wait. */
  take<T>(action: () => Promise<T>): Promise<T>;
  /** Resolves once nobody reads or waits. */
  idle(): Promise<void>;
};

/** Turns for `atOnce` readers; at most `waitingMax` wait. */
export function createReadTurns(atOnce: number, waitingMax: number): ReadTurns {
  const waiting: (() => void)[] = [];
  let reading = 0;
  let whenIdle: (() => void)[] = [];
  const done = (): void => {
    reading -= 1;
    const next = waiting.shift();
    if (next !== undefined) return next();
    if (reading > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  };
  const enter = async (): Promise<void> => {
    if (reading >= atOnce) {
      if (waiting.length >= waitingMax) throw new ChunkStoreError("busy", `${waiting.length} reads wait already`);
      await new Promise<void>((resolve) => {
        waiting.push(() => {
          reading += 1;
          resolve();
        });
      });
      return;
    }
    reading += 1;
  };
  return {
    take: async (action) => {
      await enter();
      try {
        return await action();
      } finally {
        done();
      }
    },
    idle: () => (reading === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
  };
}
