// The storm: puts that overlap, crashes, cuts and bad weather within seconds, and the rules of what was acknowledged.
import { createChecker } from "./checker.ts";
import type { Scenario } from "./scenario.ts";
import type { SimWorld } from "./sim-world.ts";
import type { Trace } from "./trace.ts";
import { createWorkload } from "./workload.ts";

/** A storm about to begin. */
export function createStorm(world: SimWorld, trace: Trace): Scenario {
  const checker = createChecker(world);
  const workload = createWorkload(world, checker, trace);
  return {
    step: async () => {
      await workload.step();
      await checker.afterStep();
    },
    settle: async () => {
      await workload.settle();
      await checker.afterStep();
      await checker.atEnd();
    },
    counts: workload.counts,
  };
}
