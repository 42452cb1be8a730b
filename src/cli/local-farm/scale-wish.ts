// How many nodes a person asked for with `vaultfarm scale`: kept beside the farm's state, so that a running `up` sees it at
// its next look and a later one at its start. It only adds to what the manifest says, for no node of a local farm is taken away.
import { z } from "zod";
import { replicasMax, type VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { FarmFolder } from "./farm-folder.ts";

const wishSchema = z.object({ nodes: z.int().min(0).max(replicasMax) });

/** The spec with the nodes that were asked for, where those are more. A wish that cannot be read is none. */
export async function scaledSpec<S extends Pick<VaultFarmSpec, "replicas">>(folder: FarmFolder, spec: S): Promise<S> {
  const bytes = await readFileIfThere(folder.scale);
  const nodes = bytes === undefined ? 0 : parseWish(Buffer.from(bytes).toString());
  return nodes > spec.replicas ? { ...spec, replicas: nodes } : spec;
}

/** Keeps the wish; on disk once resolved. */
export function writeScaleWish(folder: FarmFolder, nodes: number): Promise<void> {
  return writeFileAtomic(folder.scale, `${JSON.stringify({ nodes })}\n`);
}

function parseWish(text: string): number {
  try {
    return wishSchema.parse(JSON.parse(text)).nodes;
  } catch {
    return 0;
  }
}
