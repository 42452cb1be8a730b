// Open files of segments: opened when first asked for, the longest unused closed above a limit, and never while in use.
import type { Disk, DiskFile } from "./disk-port.ts";

export type SegmentFiles = {
  /** Runs `action` on the file of a segment, which stays open and readable meanwhile even if it is forgotten. */
  use<T>(segment: number, action: (file: DiskFile) => Promise<T>): Promise<T>;
  /** Hands in a file just made. */
  adopt(segment: number, file: DiskFile): void;
  /** Closes the file of a segment, at the latest when its last user is done. */
  forget(segment: number): Promise<void>;
  close(): Promise<void>;
};

type Entry = { readonly file: Promise<DiskFile>; users: number; forgotten: boolean };

/** Files of segments found at `path(segment)`, at most about `openMax` open. */
export function createSegmentFiles(disk: Disk, path: (segment: number) => string, openMax: number): SegmentFiles {
  // In order of last use.
  const entries = new Map<number, Entry>();
  const shut = async (entry: Entry): Promise<void> => {
    const file = await entry.file.catch(() => undefined);
    await file?.close();
  };
  const remove = async (segment: number, entry: Entry): Promise<void> => {
    if (entries.get(segment) === entry) entries.delete(segment);
    entry.forgotten = true;
    // Being opened, it must be open before it is deleted.
    await entry.file.catch(() => undefined);
    if (entry.users === 0) await shut(entry);
  };
  const closeUnused = async (): Promise<void> => {
    for (const [segment, entry] of entries) {
      if (entries.size <= openMax) return;
      if (entry.users === 0) await remove(segment, entry);
    }
  };
  const enter = (segment: number): Entry => {
    const entry = entries.get(segment) ?? { file: disk.open(path(segment), "write"), users: 0, forgotten: false };
    entries.delete(segment);
    entries.set(segment, entry);
    entry.users += 1;
    return entry;
  };
  return {
    use: async (segment, action) => {
      const entry = enter(segment);
      try {
        return await action(await entry.file);
      } catch (error) {
        // A file that could not be opened is tried again next time.
        await entry.file.catch(() => entries.delete(segment));
        throw error;
      } finally {
        entry.users -= 1;
        if (entry.forgotten && entry.users === 0) await shut(entry);
        else if (entries.size > openMax) await closeUnused();
      }
    },
    adopt: (segment, file) => void entries.set(segment, { file: Promise.resolve(file), users: 0, forgotten: false }),
    forget: async (segment) => {
      const entry = entries.get(segment);
      if (entry !== undefined) await remove(segment, entry);
    },
    close: async () => {
      for (const [segment, entry] of [...entries]) await remove(segment, entry);
    },
  };
}
