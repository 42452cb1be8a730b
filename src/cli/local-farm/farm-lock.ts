// At most one `up` runs a farm: a lock file that names the process which does. A lock of a process that is gone counts
// for nothing and is taken over.
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { identifyProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

const lockSchema: z.ZodType<ProcessIdentity> = z.object({ pid: z.int().min(1), startTime: z.string() });

export type LockOutcome = { readonly kind: "taken"; release(): Promise<void> } | { readonly kind: "held"; readonly by: ProcessIdentity };

/** Who runs the farm whose lock lies at `path`: undefined where nobody does. */
export async function lockHolder(path: string): Promise<ProcessIdentity | undefined> {
  const parsed = lockSchema.safeParse(await readJson(path));
  return parsed.success && (await isAlive(parsed.data)) ? parsed.data : undefined;
}

/** Takes the lock for this process, or says who has it. */
export async function takeLock(path: string): Promise<LockOutcome> {
  const self = await identifyProcess(process.pid);
  if (self === undefined) throw new Error("this process cannot find itself in the process table");
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    // Two tries: the second after a lock that nobody holds was put aside.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await linkNew(draft, path)) return { kind: "taken", release: () => rm(path, { force: true }) };
      const by = await lockHolder(path);
      if (by !== undefined) return { kind: "held", by };
      await putAside(path);
    }
    throw new Error(`${path} keeps changing; try again`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

// Renamed before it is removed: whoever else found the same stale lock then fails to rename, and no fresh lock is removed.
async function putAside(path: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  if ((await lockHolder(aside)) !== undefined) await linkNew(aside, path);
  await rm(aside, { force: true });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}
