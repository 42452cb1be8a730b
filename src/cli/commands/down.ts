// `vaultfarm down`: stops a running farm in good order and waits until it has stopped; the data stays.
import { resolve } from "node:path";
import type { CommandWorld } from "../command-world.ts";
import { lockHolder } from "../local-farm/farm-lock.ts";
import { findFarm } from "../local-farm/find-farm.ts";
import { stopGraceMs } from "../local-farm/member-settings.ts";
import { awaitStopped } from "../local-farm/open-farm.ts";
import { awaitLeftOvers, readRunningMembers } from "../local-farm/run-file.ts";
import type { Output } from "../output.ts";

export type FarmChoice = { readonly data: string; readonly name?: string };

/** Stops the farm. Rejects with a `FarmError` where there is none, or where it does not stop in time. */
export async function down(world: CommandWorld, output: Output, choice: FarmChoice): Promise<void> {
  const { folder, state } = await findFarm(resolve(world.workFolder, choice.data), choice.name);
  // Those of now: once the lock is free another `up` may have it, and its members are none that were left behind.
  const members = await readRunningMembers(folder.run);
  const holder = await lockHolder(folder.lock);
  if (holder !== undefined) {
    askToStop(holder.pid);
    await awaitStopped(folder, holder.pid, world);
  }
  // Members whose `up` was killed stop by themselves.
  const stopped = holder !== undefined || members.length > 0;
  await awaitLeftOvers(members, world.clock, stopGraceMs);
  output.line(stopped ? `${state.name} has stopped` : `${state.name} does not run`);
  output.json({ farm: state.name, stopped });
}

function askToStop(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    // Gone in the meantime, which is what was wanted.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
