// One simulation from its options to its end: a farm, a scenario, and the rules looked at after every step.
import { createVirtualClock } from "../../src/runtime/virtual-clock.ts";
import { createDays } from "./days.ts";
import { createDetection } from "./detection.ts";
import { createHistory } from "./history.ts";
import { type Scenario, Violation } from "./scenario.ts";
import type { ScenarioName, SimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";
import { createStorm } from "./storm.ts";
import { createTrace, type Trace } from "./trace.ts";

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
  /** Timers that ran. */
  readonly events: number;
};

/** How far a simulation is: steps of its scenario ended, none while the farm comes together. */
export type SimProgress = { readonly step: number; readonly virtualMs: number; readonly events: number };

const scenarios: Readonly<Record<ScenarioName, (world: SimWorld, trace: Trace) => Scenario>> = {
  storm: createStorm,
  keeping: createHistory,
  days: createDays,
  detector: createDetection,
};

/** Runs a simulation; `onBegin` is handed what tells how far it is. Rejects only where the code under test throws what it must not. */
export async function simulate(options: SimOptions, onBegin: (progress: () => SimProgress) => void = () => {}): Promise<SimResult> {
  const clock = createVirtualClock();
  let step = 0;
  onBegin(() => ({ step, virtualMs: clock.monotonicMs(), events: clock.events() }));
  const world = await startSimWorld(options, clock);
  const trace = createTrace(world.clock);
  const scenario = scenarios[options.scenario](world, trace);
  let violation: SimResult["violation"];
  try {
    for (; step < options.steps; step += 1) await scenario.step();
    await scenario.settle();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    trace.write(`VIOLATION ${error.message}`);
    violation = { step: step + 1, message: error.message };
  } finally {
    await world.stop();
  }
  return {
    seed: options.seed,
    ...(violation === undefined ? {} : { violation }),
    digest: trace.digest(),
    trace: trace.lines(),
    counts: scenario.counts(),
    tookMs: clock.monotonicMs(),
    events: clock.events(),
  };
}
