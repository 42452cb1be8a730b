// What becomes of the folders of nodes that were taken away: put aside or deleted, as the manifest's reclaimPolicy said. What
// is to be done is in the farm's state before, so that whoever is cut short goes on with it at the next start.
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FarmFolder } from "./farm-folder.ts";
import type { TakenNode } from "./farm-state.ts";

/** Puts the folder aside (below `kept`, its log stays where it is) or deletes it with the log. Rejects with the system's error. */
export async function clearTakenFolder(folder: FarmFolder, { name, volume }: TakenNode): Promise<void> {
  const { data, log, peers } = folder.member("node", name);
  if (volume === "keep") await putAside(data, folder.kept, name);
  else for (const path of [data, log, `${log}.1`]) await rm(path, { recursive: true, force: true });
  await rm(peers, { force: true });
}

async function putAside(data: string, kept: string, name: string): Promise<void> {
  await mkdir(kept, { recursive: true, mode: 0o700 });
  try {
    await rename(data, join(kept, name));
  } catch (error) {
    // Done before, and cut short after it; or it never had one.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
