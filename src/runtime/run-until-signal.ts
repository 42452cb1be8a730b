// The outermost frame of a program: starts it, waits for SIGTERM or SIGINT or for the program to end itself, stops it
// within a grace, and says by the exit code how it went. A second signal ends the process at once.
import type { Clock } from "./clock.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./log.ts";

/** What a program offers to the frame: it starts, it stops, and `failed` resolves with an error when it cannot go on. */
export type Program = Lifecycle & { readonly failed?: Promise<Error> };

const signals = ["SIGTERM", "SIGINT"] as const;

/** What the frame needs of the process it runs in. */
export type ProcessFace = Pick<NodeJS.EventEmitter, "on" | "off"> & Pick<NodeJS.Process, "exit">;

export type FrameTools = { readonly clock: Clock; readonly log: Log; readonly process: ProcessFace };

/** Runs `program` to its end and resolves with the exit code: 0 after a signal and a complete stop, 1 otherwise. A second signal ends the process. */
export async function runUntilSignal(program: Program, tools: FrameTools, limits: { graceMs: number }): Promise<number> {
  const { log, process } = tools;
  const asked = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked.signal.aborted) process.exit(1);
    log.info("stopping", { signal, graceMs: limits.graceMs });
    asked.abort(new Error(`stopped by ${signal}`));
  };
  // A promise nobody waits for, in whatever library, must not end a program that serves; somebody must look at it.
  const onRejection = (cause: unknown): void => log.error("a promise was rejected and nobody listened", { cause });
  process.on("unhandledRejection", onRejection);
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const failure = await runToEnd(program, asked.signal, log);
    const stopped = await stopWithin(program, tools, limits.graceMs);
    return failure === undefined && stopped ? 0 : 1;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    process.off("unhandledRejection", onRejection);
  }
}

async function runToEnd(program: Program, signal: AbortSignal, log: Log): Promise<Error | undefined> {
  const aborted = new Promise<undefined>((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
  // Unreferenced handles must not let the process end while it is to run.
  const alive = setInterval(() => {}, 0x3fffffff);
  try {
    await program.start(signal);
    const failure = await Promise.race([aborted, program.failed ?? aborted]);
    if (failure !== undefined) log.error(failure.message, { cause: failure });
    return failure;
  } catch (cause) {
    if (signal.aborted) return undefined;
    const failure = cause instanceof Error ? cause : new Error("the program did not start", { cause });
    log.error(failure.message, { cause: failure });
    return failure;
  } finally {
    clearInterval(alive);
  }
}

async function stopWithin(program: Program, { clock, log }: FrameTools, graceMs: number): Promise<boolean> {
  const stopped = new AbortController();
  const alive = setInterval(() => {}, 0x3fffffff);
  const late = clock.sleep(graceMs, stopped.signal).then(
    () => "late" as const,
    () => "in time" as const,
  );
  try {
    const outcome = await Promise.race([program.stop().then(() => "in time" as const), late]);
    if (outcome === "late") log.error("not stopped within the grace, ending anyway", { graceMs });
    return outcome === "in time";
  } catch (cause) {
    log.error("failed to stop", { cause });
    return false;
  } finally {
    stopped.abort();
    clearInterval(alive);
  }
}
