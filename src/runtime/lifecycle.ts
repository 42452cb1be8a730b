// Parts of a program live and die in order: started first to last, stopped last to first, each stop with a time limit,
// a part that is slow or fails to stop is logged and does not keep the others from stopping.
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** A thing that runs: opened by `start`, ended by `stop`. */
export type Part = { readonly name: string; start?(signal: AbortSignal): Promise<void> | void; stop?(): Promise<void> | void };

export type Lifecycle = { start(signal: AbortSignal): Promise<void>; stop(): Promise<void> };

/** A group of parts. When a start fails, the parts already started are stopped and the error is thrown on. */
export function createLifecycle(parts: readonly Part[], tools: { clock: Clock; log: Log }, limits: { stopMs: number }): Lifecycle {
  const running: Part[] = [];
  const stop = async (): Promise<void> => {
    for (let part = running.pop(); part !== undefined; part = running.pop()) await stopPart(part, tools, limits.stopMs);
  };
  const start = async (signal: AbortSignal): Promise<void> => {
    try {
      for (const part of parts) {
        signal.throwIfAborted();
        running.push(part);
        await part.start?.(signal);
      }
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return { start, stop };
}

async function stopPart(part: Part, { clock, log }: { clock: Clock; log: Log }, stopMs: number): Promise<void> {
  const limit = new AbortController();
  const late = clock.sleep(stopMs, limit.signal).then(
    () => log.warn("a part did not stop in time", { part: part.name, limitMs: stopMs }),
    () => undefined,
  );
  try {
    await Promise.race([part.stop?.(), late]);
  } catch (cause) {
    log.error("a part failed to stop", { part: part.name, cause });
  } finally {
    limit.abort();
  }
}
