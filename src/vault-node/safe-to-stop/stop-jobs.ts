// Statements take as long as there are chunks, commands do not wait that long: whoever asks for one begins the work, and
// asks again until it is there. One work of each kind at a time.
import type { Clock } from "../../runtime/clock.ts";

/** `working`: ask again · failed: it could not be made, and why. */
export type StopJob =
  | { readonly kind: "working" }
  | { readonly kind: "done"; readonly bytes: Uint8Array }
  | { readonly kind: "failed"; readonly why: string };

export type StopJobs = {
  /** The outcome of the work named `name`, begun now where it is not under way. An outcome is handed out once, so that the next is of then. */
  ask(name: string, work: (signal: AbortSignal) => Promise<Uint8Array>): Promise<StopJob>;
  /** Whether a work, or the one of this name, is under way, or its outcome still waits to be fetched. */
  isBusy(name?: string): boolean;
  stop(): void;
};

// An answer that comes soon is waited for; an outcome nobody fetched is made anew after a while; a work that takes longer
// than this stands still.
const waitMs = 2_000;
const outcomeAgeMax = 60_000;
const workMax = 3_600_000;

type Running = { readonly name: string; readonly done: Promise<void>; outcome: StopJob | undefined; endedMs: number };

/** Nothing is under way. */
export function createStopJobs(clock: Clock): StopJobs {
  const stopping = new AbortController();
  let running: Running | undefined;
  const begin = (name: string, work: (signal: AbortSignal) => Promise<Uint8Array>): Running => {
    const limit = new AbortController();
    const timer = clock.after(workMax, () => limit.abort(new Error("it took over an hour")));
    const job: Running = {
      name,
      outcome: undefined,
      endedMs: 0,
      done: work(AbortSignal.any([stopping.signal, limit.signal]))
        .then(
          (bytes): StopJob => ({ kind: "done", bytes }),
          (cause: unknown): StopJob => ({ kind: "failed", why: cause instanceof Error ? cause.message : String(cause) }),
        )
        .then((outcome) => {
          timer.cancel();
          job.outcome = outcome;
          job.endedMs = clock.monotonicMs();
        }),
    };
    return job;
  };
  const isForgotten = ({ outcome, endedMs }: Running): boolean => outcome !== undefined && clock.monotonicMs() - endedMs > outcomeAgeMax;
  return {
    ask: async (name, work) => {
      const isStale = running?.outcome !== undefined && (running.name !== name || isForgotten(running));
      if (running === undefined || isStale) running = begin(name, work);
      // Another work is under way: its turn comes.
      if (running.name !== name) return { kind: "working" };
      const job = running;
      const rest = new AbortController();
      await Promise.race([job.done, clock.sleep(waitMs, rest.signal).catch(() => {})]);
      rest.abort();
      if (job.outcome === undefined) return { kind: "working" };
      if (running === job) running = undefined;
      return job.outcome;
    },
    isBusy: (name) => running !== undefined && !isForgotten(running) && (name === undefined || running.name === name),
    stop: () => stopping.abort(new Error("the node stops")),
  };
}
