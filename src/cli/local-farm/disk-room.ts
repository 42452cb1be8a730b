// Whether the disk can hold what a farm declares: vaults promise their capacity, so a farm that could not keep the
// promise is refused before anything is stored.
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { describeBytes, writeQuantity } from "../../operator/api/quantity.ts";
import type { VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import { FarmError } from "./farm-error.ts";

/** Share of the room that vaults may declare: the rest is for indexes, logs and everybody else on this disk. */
const shareMax = 0.9;
const mib = 2 ** 20;

type Declared = Pick<VaultFarmSpec, "replicas" | "vaultsPerNode" | "vaultCapacity"> & {
  readonly gateway: Pick<VaultFarmSpec["gateway"], "replicas" | "cacheDisk">;
};

/** Why `declared` does not fit into `room` bytes, undefined where it does. Pure. */
export function roomProblem(declared: Declared, room: number): string | undefined {
  const vaults = declared.replicas * declared.vaultsPerNode;
  const wanted = vaults * declared.vaultCapacity;
  // The gateways' caches fill up too, and vaults must not stop for them.
  const caches = declared.gateway.replicas * declared.gateway.cacheDisk;
  const allowed = Math.floor(Math.max(0, room - caches) * shareMax);
  if (wanted <= allowed) return undefined;
  const fitting = Math.floor(allowed / vaults / mib) * mib;
  const advice =
    fitting >= 16 * mib
      ? `spec.vaultCapacity: ${writeQuantity(fitting)} would fit`
      : "take fewer nodes or vaults, or another disk with --data DIR";
  const less = caches === 0 ? "" : `, less ${describeBytes(caches)} for spec.gateway.cacheDisk`;
  return `the farm declares ${describeBytes(wanted)} (${vaults} vaults of ${describeBytes(declared.vaultCapacity)}), and this disk has room for ${describeBytes(allowed)} (${shareMax * 100} % of what is free or already the farm's${less}); ${advice}`;
}

/** Refuses with `disk-too-small` a farm that the disk below `root` has no room for; what the farm holds already counts as room. */
export async function checkDiskRoom(root: string, memberFolders: readonly string[], declared: Declared): Promise<void> {
  const disk = await statfs(root);
  let held = 0;
  for (const folder of memberFolders) held += await bytesBelow(folder);
  const problem = roomProblem(declared, disk.bavail * disk.bsize + held);
  if (problem !== undefined) throw new FarmError("disk-too-small", problem);
}

// Bytes that files really occupy: they may be sparse.
async function bytesBelow(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []))
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ blocks: 0 }))).blocks * 512;
  return sum;
}
