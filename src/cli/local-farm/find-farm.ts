// Which farm a command means: the one named, or the only one there is.
import { readdir } from "node:fs/promises";
import { FarmError } from "./farm-error.ts";
import { type FarmFolder, farmFolder } from "./farm-folder.ts";
import { type FarmState, readFarmState } from "./farm-state.ts";

export type FoundFarm = { readonly folder: FarmFolder; readonly state: FarmState };

/** The farm `name` below `dataDir`, or the only one there. Rejects with `no-farm` or `which-farm`. */
export async function findFarm(dataDir: string, name?: string): Promise<FoundFarm> {
  const found = name === undefined ? await allFarms(dataDir) : await farmsNamed(dataDir, [name]);
  const [only] = found;
  if (found.length > 1)
    throw new FarmError(
      "which-farm",
      `there are several farms in ${dataDir}: ${found.map(({ state }) => state.name).join(", ")}; choose one with -n NAME`,
    );
  if (only === undefined) throw new FarmError("no-farm", await noFarmText(dataDir, name));
  return only;
}

async function noFarmText(dataDir: string, name: string | undefined): Promise<string> {
  const others = name === undefined ? [] : await allFarms(dataDir);
  const next =
    others.length > 0
      ? `there ${others.length === 1 ? "is" : "are"} ${others.map(({ state }) => state.name).join(", ")}`
      : "make one with: vaultfarm up, or say where it is with --data DIR";
  return `there is no farm${name === undefined ? "" : ` "${name}"`} in ${dataDir}; ${next}`;
}

async function allFarms(dataDir: string): Promise<readonly FoundFarm[]> {
  const entries = await readdir(dataDir, { withFileTypes: true }).catch(() => []);
  return farmsNamed(
    dataDir,
    // No farm's name begins with a dot: those are being removed (remove-farm.ts).
    entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => entry.name),
  );
}

async function farmsNamed(dataDir: string, names: readonly string[]): Promise<readonly FoundFarm[]> {
  const farms = await Promise.all(
    names.map(async (name) => {
      const folder = farmFolder(dataDir, name);
      const state = await readFarmState(folder);
      return state === undefined ? [] : [{ folder, state }];
    }),
  );
  return farms.flat();
}
