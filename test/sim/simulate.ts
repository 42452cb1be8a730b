// One simulation from its options to its end: a farm, a workload, and the rules looked at after every step.
import { createChecker, Violation } from "./checker.ts";
import type { SimOptions } from "./sim-options.ts";
import { startSimWorld } from "./sim-world.ts";
import { createTrace } from "./trace.ts";
import { createWorkload } from "./workload.ts";

export type SimResult = {
  readonly seed: number;
  /** The step after which a rule was found broken; absent where all held. */
  readonly violation?: { readonly step: number; readonly message: string };
  /** Of everything that happened: equal digests, equal runs. */
  readonly digest: string;
  readonly trace: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Virtual milliseconds. */
  readonly tookMs: number;
};

/** Runs a simulation. Rejects only where the code under test throws what it must not. */
export async function simulate(options: SimOptions): Promise<SimResult> {
  const world = await startSimWorld(options);
  const trace = createTrace(world.clock);
  const checker = createChecker(world, trace);
  const workload = createWorkload(world, checker, trace);
  let step = 0;
  let violation: SimResult["violation"];
  try {
    for (step = 1; step <= options.steps; step += 1) {
      await workload.step();
      await checker.afterStep();
    }
    await workload.settle();
    await checker.afterStep();
    await checker.atEnd();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = { step, message: error.message };
  } finally {
    await world.stop();
  }
  return {
    seed: options.seed,
    ...(violation === undefined ? {} : { violation }),
    digest: trace.digest(),
    trace: trace.lines(),
    counts: workload.counts(),
    tookMs: world.clock.monotonicMs(),
  };
}
