// Waiting in tests: for a condition, until a deadline, never for a time.
import { setTimeout as sleep } from "node:timers/promises";

/** The first result of `look` that is not undefined or false. Throws with `what` and the last error once `withinMs` are over. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
    await sleep(50);
  }
}
