// `vaultfarm scale N`: more or fewer nodes for a local farm, at once where it runs, else from its next start. A node is taken
// away only once it is proven that others have its copies; this command keeps the wish and watches, the running farm does the work.
import { resolve } from "node:path";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { checkDiskRoom } from "../local-farm/disk-room.ts";
import { nodesProblem } from "../local-farm/existing-farm.ts";
import { readFarmKeys } from "../local-farm/farm-keys.ts";
import { lockHolder } from "../local-farm/farm-lock.ts";
import { staysHere } from "../local-farm/farm-state.ts";
import { type FoundFarm, findFarm } from "../local-farm/find-farm.ts";
import { newWish, writeScaleWish } from "../local-farm/scale-wish.ts";
import type { Output } from "../output.ts";
import { watchScale } from "../scale-watch.ts";
import type { FarmChoice } from "./down.ts";

/** Scales the farm to `nodes` and waits until it has them. Rejects with a `FarmError`, or with a `CommandError` where it may not, or does not get there. */
export async function scale(world: CommandWorld, output: Output, nodes: number, choice: FarmChoice): Promise<void> {
  const dataDir = resolve(world.workFolder, choice.data);
  const found = await findFarm(dataDir, choice.name);
  const { folder, state } = found;
  const is = state.nodes.filter(staysHere).length;
  await refuseTooFew(found, nodes);
  if (nodes > is) await checkRoom(found, nodes);
  await writeScaleWish(folder, newWish(state, nodes));
  const runs = (await lockHolder(folder.lock)) !== undefined;
  if (runs) await watchScale(world, output, { dataDir, name: state.name, nodes });
  output.json({ farm: state.name, nodes, before: is, ready: runs });
  output.line(runs ? `${state.name} has ${nodes} nodes, all ready` : laterText(found, nodes));
}

async function refuseTooFew({ folder, state }: FoundFarm, nodes: number): Promise<void> {
  const { copies } = (await readFarmKeys(folder)).genesis;
  const problem = nodesProblem({ replicas: nodes, copies });
  if (problem === undefined) return;
  throw new CommandError(
    exitCodes.refused,
    "too-few-nodes",
    `${state.name} keeps its ${state.nodes.length} nodes, nothing was changed: ${problem}`,
  );
}

// What caches of gateways may take is counted at the next start, when the manifest is read.
function checkRoom({ folder, state: { vaultsPerNode, vaultCapacity } }: FoundFarm, replicas: number): Promise<void> {
  const declared = { replicas, vaultsPerNode, vaultCapacity, gateway: { replicas: 0, cacheDisk: 0 } };
  return checkDiskRoom(folder.root, [folder.nodes, folder.gateways], declared);
}

function laterText({ state: { name, nodes: has } }: FoundFarm, nodes: number): string {
  const how = nodes < has.length ? " and has proven that the others have the copies" : "";
  return `${name} will have ${nodes} nodes once it is started${how}: vaultfarm up`;
}
