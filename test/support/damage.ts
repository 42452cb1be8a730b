// Rot on a disk: bytes of a node's chunks changed in place, under a running node or not.
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Changes one byte in every 16 KiB of what a node's chunk store appended; resolves with how many. */
export async function damageFolder(folder: string): Promise<number> {
  let changed = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    // Not the index beside the segments: the bytes of chunks.
    if (!entry.isFile() || !/seg|log|data-/.test(entry.name) || entry.name.endsWith(".mdb")) continue;
    const file = await open(join(entry.parentPath, entry.name), "r+");
    try {
      const { size } = await file.stat();
      for (let at = 8192; at < size; at += 16_384) {
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        byte[0] = (byte[0] ?? 0) ^ 0x5a;
        await file.write(byte, 0, 1, at);
        changed += 1;
      }
    } finally {
      await file.close();
    }
  }
  return changed;
}
