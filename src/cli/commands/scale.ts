// `vaultfarm scale N`: more nodes for a local farm, at once where it runs, else at its next start. Never fewer: a node of a
// local farm can be drained, and what has been drained is not taken away by itself.
import { resolve } from "node:path";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { checkDiskRoom } from "../local-farm/disk-room.ts";
import { lockHolder } from "../local-farm/farm-lock.ts";
import { viewFarm } from "../local-farm/farm-view.ts";
import { type FoundFarm, findFarm } from "../local-farm/find-farm.ts";
import { writeScaleWish } from "../local-farm/scale-wish.ts";
import type { Output } from "../output.ts";
import type { FarmChoice } from "./down.ts";

/** Between looks, and how long new nodes may take, milliseconds: as long as the first start of a farm. */
const lookEveryMs = 500;
const readyWithinMs = 180_000;

/** Scales the farm to `nodes` and waits until they are ready. Rejects with a `FarmError`, or with a `CommandError` where it may not. */
export async function scale(world: CommandWorld, output: Output, nodes: number, choice: FarmChoice): Promise<void> {
  const dataDir = resolve(world.workFolder, choice.data);
  const found = await findFarm(dataDir, choice.name);
  const { folder, state } = found;
  const is = state.nodes.length;
  if (nodes < is) throw new CommandError(exitCodes.refused, "only-more", fewerText(found, nodes));
  const { vaultsPerNode, vaultCapacity } = state;
  // What caches of gateways may take is counted at the next start, when the manifest is read.
  const declared = { replicas: nodes, vaultsPerNode, vaultCapacity, gateway: { replicas: 0, cacheDisk: 0 } };
  await checkDiskRoom(folder.root, [folder.nodes, folder.gateways], declared);
  await writeScaleWish(folder, nodes);
  const runs = (await lockHolder(folder.lock)) !== undefined;
  if (runs) await awaitReady(world, output, { dataDir, name: state.name, nodes });
  output.json({ farm: state.name, nodes, before: is, ready: runs });
  output.line(
    runs ? `${state.name} has ${nodes} nodes, all ready` : `${state.name} will have ${nodes} nodes once it is started: vaultfarm up`,
  );
}

function fewerText({ state }: FoundFarm, nodes: number): string {
  const is = state.nodes.length;
  return `${state.name} has ${is} nodes that hold data, and a local farm only grows: ${nodes} would take ${is - nodes} away; vaultfarm drain NODE has a node hand over what it holds, and in a cluster kubectl scale takes nodes away`;
}

type Wish = { readonly dataDir: string; readonly name: string; readonly nodes: number };

async function awaitReady({ clock, interrupted }: CommandWorld, output: Output, { dataDir, name, nodes }: Wish): Promise<void> {
  const bar = output.bar({ format: "scaling {bar} {value} of {total} nodes ready", total: nodes });
  const untilMs = clock.monotonicMs() + readyWithinMs;
  try {
    for (;;) {
      const { folder, state } = await findFarm(dataDir, name);
      const { view, runBy } = await viewFarm(folder, state);
      const ready = view.nodes.filter((node) => node.state === "ready").length;
      bar.set(ready);
      if (ready >= nodes) return;
      if (runBy === undefined || runBy.stopping === true)
        throw new CommandError(
          exitCodes.unreachable,
          "not-running",
          `${name} was stopped meanwhile; it has ${nodes} nodes at its next start`,
        );
      if (clock.monotonicMs() > untilMs)
        throw new CommandError(
          exitCodes.cannotStart,
          "not-ready",
          `${ready} of ${nodes} nodes are ready after ${readyWithinMs / 1000} s; vaultfarm status shows which are not, and their logs lie in ${folder.root}/logs`,
        );
      await clock.sleep(lookEveryMs, interrupted);
    }
  } finally {
    bar.stop();
  }
}
