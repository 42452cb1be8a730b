// Makes a folder and those above it, one after the other. Node's own recursive mkdir never ends, and grows, where a system
// says of a folder that exists that nothing can be made in it because it does not (Linux below /proc).
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Makes what is missing of `path`, with `mode` (as for chmod, less the process's mask). Rejects with the system's error. */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse())
    await mkdir(folder, { mode }).catch(async (error: unknown) => {
      // Somebody else may have made it meanwhile.
      if (!(await isFolder(folder))) throw error;
    });
}

/** Whether there is a folder. Rejects where that cannot be told, or something else is in its place. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: "ENOTDIR", syscall: "mkdir", path });
}
