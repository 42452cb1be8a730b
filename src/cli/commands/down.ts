// `vaultfarm down`: stops a running farm in good order and waits until it has stopped; the data stays.
import { resolve } from "node:path";
import type { CommandWorld } from "../command-world.ts";
import { FarmError } from "../local-farm/farm-error.ts";
import { lockHolder } from "../local-farm/farm-lock.ts";
import { findFarm } from "../local-farm/find-farm.ts";
import type { Output } from "../output.ts";

export type FarmChoice = { readonly data: string; readonly name?: string };

// Twice what a stop may take at most: gateways, then nodes, each with its grace.
const stopWithinMs = 60_000;

/** Stops the farm. Rejects with a `FarmError` where there is none, or where it does not stop in time. */
export async function down(world: CommandWorld, output: Output, choice: FarmChoice): Promise<void> {
  const { folder, state } = await findFarm(resolve(world.workFolder, choice.data), choice.name);
  const holder = await lockHolder(folder.lock);
  if (holder === undefined) {
    output.line(`${state.name} does not run`);
    return output.json({ farm: state.name, stopped: false });
  }
  process.kill(holder.pid, "SIGTERM");
  const untilMs = world.clock.monotonicMs() + stopWithinMs;
  while ((await lockHolder(folder.lock)) !== undefined) {
    if (world.clock.monotonicMs() > untilMs)
      throw new FarmError(
        "running",
        `process ${holder.pid} has not stopped after ${stopWithinMs / 1000} s; look at ${folder.root}/logs, or end it with: kill -9 ${holder.pid}`,
      );
    await world.clock.sleep(50, world.interrupted);
  }
  output.line(`${state.name} has stopped`);
  output.json({ farm: state.name, stopped: true });
}
