// At most one `up` runs a farm: a lock file that names the process which does. A lock of a process that is gone counts
// for nothing and is taken over.
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../../runtime/atomic-file.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** The process that runs a farm. `stopping`: it is about to let go. */
export type LockHolder = ProcessIdentity & { readonly stopping?: true };

const lockSchema: z.ZodType<LockHolder> = z.object({
  pid: z.int().min(1),
  startTime: z.string(),
  stopping: z.exactOptional(z.literal(true)),
});

export type TakenLock = {
  readonly kind: "taken";
  /** Says to whoever looks that this process is about to let go. */
  markStopping(): Promise<void>;
  /** `letGo`: what takes the lock file away; by default it is removed. */
  release(letGo?: () => Promise<void>): Promise<void>;
};
export type LockOutcome = TakenLock | { readonly kind: "held"; readonly by: LockHolder };

/** Who runs the farm whose lock lies at `path`: undefined where nobody does. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
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
      if (await linkNew(draft, path)) return taken(path, self);
      const by = await lockHolder(path);
      if (by !== undefined) return { kind: "held", by };
      await putAside(path);
    }
    throw new Error(`${path} keeps changing; try again`);
  } finally {
    await rm(draft, { force: true });
  }
}

function taken(path: string, self: ProcessIdentity): TakenLock {
  // One change after the other: a mark that comes late must not bring a released lock back.
  let last = Promise.resolve();
  let released = false;
  const next = (change: () => Promise<void>): Promise<void> => {
    last = last.catch(() => {}).then(change);
    return last;
  };
  return {
    kind: "taken",
    markStopping: () => next(async () => (released ? undefined : writeFileAtomic(path, JSON.stringify({ ...self, stopping: true })))),
    release: (letGo = () => rm(path, { force: true })) =>
      next(() => {
        released = true;
        return letGo();
      }),
  };
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
