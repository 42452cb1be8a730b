// Makes a local farm ready to be run, or says why it cannot be: lock, folder, room on the disk, keys, remembered state.
import { readdir } from "node:fs/promises";
import type { ManifestProblem } from "../../operator/api/problem.ts";
import type { VaultFarm } from "../../operator/api/vault-farm.ts";
import { readFileIfThere } from "../../runtime/atomic-file.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { checkDiskRoom } from "./disk-room.ts";
import { conflictsWithFarm, nodesProblem } from "./existing-farm.ts";
import { FarmError } from "./farm-error.ts";
import { type FarmFolder, makeFarmFolder } from "./farm-folder.ts";
import { type FarmKeys, makeFarmKeys, readFarmKeys } from "./farm-keys.ts";
import { type LockOutcome, lockHolder, type TakenLock, takeLock } from "./farm-lock.ts";
import { type FarmState, farmFormat, readFarmState } from "./farm-state.ts";
import { portIsFree } from "./free-port.ts";
import { stopGraceMs } from "./member-settings.ts";
import { portHolder } from "./port-holder.ts";
import { awaitLeftOvers, readRunningMembers } from "./run-file.ts";
import { dropReplacedWish } from "./scale-wish.ts";

export type OpenFarmOptions = {
  /** With the nodes that the farm is to have. */
  readonly farm: VaultFarm;
  /** The nodes that its manifest asks for. */
  readonly manifestNodes: number;
  readonly folder: FarmFolder;
  /** Port asked for the first gateway. */
  readonly port?: number;
  /** Refuses a farm that exists: it would be removed at the end. */
  readonly mustBeNew: boolean;
};

/** A farm that this process alone may run now; `lock` to be released once it has stopped. */
export type OpenFarm = { readonly kind: "open"; readonly state: FarmState; readonly keys: FarmKeys; readonly lock: TakenLock };
/** A farm that another process runs, or is just stopping. */
export type HeldFarm = { readonly kind: "running" | "stopping"; readonly pid: number };

/** Takes hold of a farm, making it where it is new. Says so where another process has it. Rejects with a `FarmError`. */
export async function openFarm(options: OpenFarmOptions, world: { clock: Clock; random: Random }): Promise<OpenFarm | HeldFarm> {
  const { folder } = options;
  const lock = await takeFolder(folder);
  if (lock.kind === "held") return { kind: lock.by.stopping ? "stopping" : "running", pid: lock.by.pid };
  try {
    await awaitLeftOvers(await readRunningMembers(folder.run), world.clock, stopGraceMs);
    return { kind: "open", ...(await prepare(options, world)), lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A folder that is just being removed may vanish between any two steps, once for each `up --ephemeral` that ends meanwhile. */
const takeTriesMax = 3;

/** Makes the folder and takes its lock, or says who has it. Rejects with a `FarmError` where it cannot be made. */
export async function takeFolder(folder: FarmFolder): Promise<LockOutcome> {
  for (let tries = 1; ; tries += 1) {
    try {
      await makeFarmFolder(folder);
      return await takeLock(folder.lock);
    } catch (error) {
      if (tries === takeTriesMax || !(isMissing(error) || (error instanceof Error && isMissing(error.cause)))) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Twice what a stop may take at most: gateways, then nodes, each with its grace. Milliseconds. */
export const stopWithinMs = 60_000;

/** Waits until nobody runs the farm in `folder` any more. Rejects with `running` where that takes too long, and when `interrupted`. */
export async function awaitStopped(folder: FarmFolder, pid: number, world: { clock: Clock; interrupted: AbortSignal }): Promise<void> {
  const untilMs = world.clock.monotonicMs() + stopWithinMs;
  while ((await lockHolder(folder.lock))?.pid === pid) {
    if (world.clock.monotonicMs() > untilMs)
      throw new FarmError(
        "running",
        `process ${pid} has not stopped after ${stopWithinMs / 1000} s; look at ${folder.root}/logs, or end it with: kill -9 ${pid}`,
      );
    await world.clock.sleep(50, world.interrupted);
  }
}

async function prepare(options: OpenFarmOptions, world: { clock: Clock; random: Random }): Promise<{ state: FarmState; keys: FarmKeys }> {
  const { farm, folder, port } = options;
  const { spec } = farm;
  const { name } = farm.metadata;
  const known = await readFarmState(folder);
  if (known === undefined) await refuseForgotten(folder);
  if (options.mustBeNew && (known !== undefined || (await readFileIfThere(folder.genesis)) !== undefined))
    throw new FarmError(
      "running",
      `${folder.root} holds a farm already, and --ephemeral would delete it; choose another name or leave --ephemeral out`,
    );
  const tooFew = nodesProblem(spec);
  if (tooFew !== undefined) refuse([{ field: "spec.replicas", message: `spec.replicas: ${tooFew}` }]);
  await checkDiskRoom(folder.root, [folder.nodes, folder.gateways], spec);
  if (port !== undefined) await checkPort(port);
  await makeFarmKeys(folder, { name, copies: spec.copies, vaultCapacity: spec.vaultCapacity }, world);
  const keys = await readFarmKeys(folder);
  if (known !== undefined) refuse(conflictsWithFarm(spec, known, keys.genesis.copies));
  const { vaultsPerNode, vaultCapacity } = spec;
  const members = known ?? { nodes: [], gateways: [] };
  await dropReplacedWish(folder, options.manifestNodes);
  const gateways = members.gateways.map((gateway, i) => (i === 0 && port !== undefined ? { ...gateway, port } : gateway));
  const { manifestNodes } = options;
  return { keys, state: { ...members, format: farmFormat, name, vaultsPerNode, vaultCapacity, gateways, manifestNodes } };
}

// Nodes are written down before anything of them is made: where nobody knows these any more, a farm begun anew beside them would
// never have what they hold.
async function refuseForgotten({ root, state, nodes }: FarmFolder): Promise<void> {
  const left = (await readdir(nodes, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  if (left.length > 0)
    throw new FarmError(
      "broken-data",
      `${state} is gone, and there are ${left.length} folders of nodes in ${nodes}: bring it back from a backup, or put ${root} aside for a new farm`,
    );
}

function refuse(problems: readonly ManifestProblem[]): void {
  if (problems.length > 0) throw new FarmError("bad-manifest", problems.map(({ message }) => message).join("\n"));
}

async function checkPort(port: number): Promise<void> {
  if (await portIsFree(port)) return;
  const holder = await portHolder(port);
  const by = holder === undefined ? "another program" : `${holder.program} (process ${holder.pid})`;
  throw new FarmError(
    "port-in-use",
    `port ${port} is in use by ${by}; stop it, choose another --port, or leave --port out to have a free one chosen`,
  );
}
