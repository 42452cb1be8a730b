// Starts the reference of the farm's benches (`plain-store.ts`) and measures it like a farm.
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Cost } from "./farm-under-load.ts";
import { cpuSeconds } from "./process-cost.ts";

export type ReferenceStore = {
  readonly url: string;
  measure(action: () => Promise<void>): Promise<Cost>;
  /** Ends the process, which removes its files. */
  stop(): Promise<void>;
};

/** A fresh store. */
export async function startReferenceStore(): Promise<ReferenceStore> {
  const child = fork(new URL("./plain-store.ts", import.meta.url));
  const [port] = (await once(child, "message")) as [number];
  const { pid = 0 } = child;
  return {
    url: `http://127.0.0.1:${port}`,
    measure: async (action) => {
      const before = cpuSeconds([pid]);
      const begun = performance.now();
      await action();
      return { wallS: (performance.now() - begun) / 1000, cpuS: cpuSeconds([pid]) - before };
    },
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
