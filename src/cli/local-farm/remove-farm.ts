// The end of a farm that leaves nothing (`up --ephemeral`): its folder goes while nobody else can have it.
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FarmFolder } from "./farm-folder.ts";
import type { TakenLock } from "./farm-lock.ts";

/** Lets go of the farm that `lock` stands for and removes all of its folder. Rejects with the system's error. */
export async function removeFarm({ root }: FarmFolder, lock: TakenLock): Promise<void> {
  // Away under another name, lock and all, before anybody can take it: what another `up` makes here next is its own.
  const aside = join(dirname(root), `.${basename(root)}.removed.${process.pid}`);
  await lock.release(() => rename(root, aside));
  await rm(aside, { recursive: true, force: true });
}
