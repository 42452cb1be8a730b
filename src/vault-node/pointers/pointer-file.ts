// Where the pointers of one vault lie: a file of fixed places that never grows beyond its room, or the same in memory.
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export type PointerFile = {
  /** All bytes so far, at most `bytesMax`. */
  read(bytesMax: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
};

/** A file on disk, made with its folder where there is none. Nothing is synced: a pointer that a power cut takes is found again. */
export async function openPointerFile(path: string): Promise<PointerFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "a+", 0o600).then(async (made) => {
    await made.close();
    return open(path, "r+");
  });
  return {
    read: async (bytesMax) => {
      const { size } = await file.stat();
      const bytes = new Uint8Array(Math.min(size, bytesMax));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    },
    write: async (offset, bytes) => {
      await file.write(bytes, 0, bytes.length, offset);
    },
    close: () => file.close(),
  };
}

/** The same in memory: what was written is there for the next who opens it. */
export function createMemoryPointerFile(): PointerFile {
  let held = new Uint8Array(0);
  return {
    read: async (bytesMax) => held.slice(0, bytesMax),
    write: async (offset, bytes) => {
      const grown = new Uint8Array(Math.max(held.length, offset + bytes.length));
      grown.set(held);
      grown.set(bytes, offset);
      held = grown;
    },
    close: async () => {},
  };
}
