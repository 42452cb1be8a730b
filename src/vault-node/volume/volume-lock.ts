// Keeps a second process off a volume with a lock of the operating system's, which ends with its holder however it
// ends and holds across containers. Node has no file locks of its own; the SQLite inside Node takes exactly those.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { VolumeError } from "../errors.ts";

export type VolumeLock = { release(): void };

/** Takes the lock of `directory`. Throws a `VolumeError` in-use that names the holder's process where it is known. */
export function lockVolume(directory: string): VolumeLock {
  const holderPath = join(directory, "lock-holder");
  const database = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw new VolumeError("damaged", `the lock of ${directory} cannot be taken`, cause);
    throw new VolumeError(
      "in-use",
      `the volume ${directory} is in use by another vault node (${holderText(holderPath)}); stop it, or give this node its own directory`,
      cause,
    );
  }
  writeFileSync(holderPath, `process ${process.pid}`, { mode: 0o600 });
  return { release: () => database.close() };
}

// Only for the message: the lock itself is the operating system's.
function holderText(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, 40);
  } catch {
    return "process unknown";
  }
}

const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
}
