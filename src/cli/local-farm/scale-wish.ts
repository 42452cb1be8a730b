// How many nodes a person asked for with `vaultfarm scale`: kept beside the farm's state, so that a running `up` sees it at
// its next look and a later one at its start. The newest word holds: the wish over the manifest that it was made beside, a manifest
// that was changed since over the wish.
import { rm } from "node:fs/promises";
import { z } from "zod";
import { replicasMax, type VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { FarmFolder } from "./farm-folder.ts";
import type { FarmState } from "./farm-state.ts";

/** `over`: the nodes that the manifest asked for when the wish was made; absent where that was not known. */
export type ScaleWish = { readonly nodes: number; readonly over?: number };

const count = z.int().min(0).max(replicasMax);
const wishSchema: z.ZodType<ScaleWish> = z.object({ nodes: count, over: z.exactOptional(count) });

/** The spec with the nodes that were asked for, where that wish holds. */
export async function scaledSpec<S extends Pick<VaultFarmSpec, "replicas">>(folder: FarmFolder, spec: S): Promise<S> {
  const wish = await readScaleWish(folder);
  return wish === undefined || (wish.over ?? spec.replicas) !== spec.replicas ? spec : { ...spec, replicas: wish.nodes };
}

/** The nodes that the farm is brought to: what its own manifest, or a wish over that, asks for. */
export async function wantedNodes(
  folder: FarmFolder,
  { manifestNodes, nodes }: Pick<FarmState, "manifestNodes" | "nodes">,
): Promise<number> {
  return (await scaledSpec(folder, { replicas: manifestNodes ?? nodes.length })).replicas;
}

/** The wish that is kept, whether it holds or not. One that cannot be read is none. */
export async function readScaleWish(folder: FarmFolder): Promise<ScaleWish | undefined> {
  const bytes = await readFileIfThere(folder.scale);
  return bytes === undefined ? undefined : parseWish(Buffer.from(bytes).toString());
}

/** The wish for so many nodes, made now. */
export function newWish({ manifestNodes }: Pick<FarmState, "manifestNodes">, nodes: number): ScaleWish {
  return { nodes, ...(manifestNodes === undefined ? {} : { over: manifestNodes }) };
}

/** Keeps the wish; on disk once resolved. */
export function writeScaleWish(folder: FarmFolder, wish: ScaleWish): Promise<void> {
  return writeFileAtomic(folder.scale, `${JSON.stringify(wish)}\n`);
}

/** Forgets a wish that a manifest with `replicas` nodes has replaced, so that it does not hold again one day. */
export async function dropReplacedWish(folder: FarmFolder, replicas: number): Promise<void> {
  const { over = replicas } = (await readScaleWish(folder)) ?? {};
  if (over !== replicas) await rm(folder.scale, { force: true });
}

function parseWish(text: string): ScaleWish | undefined {
  try {
    return wishSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
