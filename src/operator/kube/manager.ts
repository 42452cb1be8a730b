// A program of controllers from start to end: caches fill on every replica, one replica leads and works, and all of it
// stops in the order in which nobody acts on what he no longer knows or may.
import type { Clock } from "../../runtime/clock.ts";
import { createLifecycle, type Part } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Elector } from "./elector.ts";
import type { Reflector } from "./reflector.ts";

type Cache = Pick<Reflector<unknown>, "name" | "start" | "stop" | "whenSynced" | "whenAnswered">;

export type ManagerParts = {
  /** Filled before anything acts, on the replicas that wait too. */
  readonly reflectors: readonly Cache[];
  /** So are those of each of these namespaces; but one that the server forbids to read holds up no other, where at least one is read. */
  readonly namespaces: ReadonlyMap<string, readonly Cache[]>;
  /** Absent: this program is the only one. */
  readonly elector?: Elector;
  /** Started once this program leads and all caches are filled. */
  readonly leaders: readonly Part[];
  readonly clock: Clock;
  readonly log: Log;
};

/** stopped: as asked · lost: another program may lead now, so this one must end at once. */
export type ManagerEnd = "stopped" | "lost";

export type Manager = {
  /** Runs until `signal` aborts or the leadership is lost. Rejects where a part does not start. */
  run(signal: AbortSignal): Promise<ManagerEnd>;
  /** Whether all caches are filled that are waited for: ready, also as a standby. */
  isReady(): boolean;
  isLeading(): boolean;
};

/** Each part has this long to stop; together less than the 30 s that a pod is given. */
const stopMs = 8000;

export function createManager(parts: ManagerParts): Manager {
  const { clock, log, elector } = parts;
  const caches = [...parts.reflectors, ...[...parts.namespaces.values()].flat()];
  const standby = createLifecycle([...caches, ...(elector === undefined ? [] : [elector])], { clock, log }, { stopMs });
  const leaders = createLifecycle(parts.leaders, { clock, log }, { stopMs });
  let ready = false;
  let leading = false;

  const lead = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([whenFilled(parts.reflectors, signal), readNamespaces(parts, signal)]);
    ready = true;
    log.info("caches are filled", { reflectors: caches.length });
    await elector?.whenLeading(signal);
    await leaders.start(signal);
    leading = true;
  };
  return {
    isReady: () => ready,
    isLeading: () => leading && (elector?.leading() ?? true),
    run: async (signal) => {
      const ending = new AbortController();
      const both = AbortSignal.any([signal, ending.signal]);
      const aborted = new Promise<ManagerEnd>((resolve) => both.addEventListener("abort", () => resolve("stopped"), { once: true }));
      try {
        signal.throwIfAborted();
        await standby.start(both);
        const lost = elector === undefined ? new Promise<never>(() => {}) : elector.lost.then((): ManagerEnd => "lost");
        const failed = lead(both).then(
          () => new Promise<never>(() => {}),
          // Ending is no failure of the start that it interrupts.
          (error: unknown): Promise<ManagerEnd> => (both.aborted ? aborted : Promise.reject(error)),
        );
        return await Promise.race([aborted, lost, failed]);
      } catch (error) {
        if (signal.aborted) return "stopped";
        throw error;
      } finally {
        ending.abort(new Error("the manager stops"));
        leading = false;
        await leaders.stop();
        await standby.stop();
      }
    },
  };
}

async function whenFilled(caches: readonly Cache[], signal: AbortSignal): Promise<void> {
  await Promise.all(caches.map((cache) => cache.whenSynced(signal)));
}

// Whoever works has to see that a namespace is not read: its caches stay unsynced until they are filled all the same.
async function readNamespaces({ namespaces, log }: ManagerParts, signal: AbortSignal): Promise<void> {
  if (namespaces.size === 0) return;
  const oneIsRead = Promise.withResolvers<void>();
  const answered = [...namespaces].map(async ([namespace, caches]) => {
    const refusals = await Promise.all(caches.map((cache) => cache.whenAnswered(signal)));
    const cause = refusals.find((refusal) => refusal !== undefined);
    if (cause !== undefined) log.error("a namespace may not be read: nothing in it is looked after until it may", { namespace, cause });
    whenFilled(caches, signal).then(() => {
      if (cause !== undefined) log.info("a namespace may be read now, and is looked after", { namespace });
      oneIsRead.resolve();
    }, oneIsRead.reject);
  });
  await Promise.all([...answered, oneIsRead.promise]);
}
