// The disk port over the file system of the machine.
import { constants } from "node:fs";
import { type FileHandle, open, readdir, statfs, unlink } from "node:fs/promises";
import { syncDirectory } from "../../runtime/atomic-file.ts";
import type { Disk, DiskFile } from "./disk-port.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants;
const flags = { create: O_RDWR | O_CREAT | O_EXCL, write: O_RDWR, read: O_RDONLY } as const;

/** The machine's disk. */
export const systemDisk: Disk = {
  open: async (path, mode) => diskFile(await open(path, flags[mode], 0o600)),
  list: (directory) => readdir(directory),
  unlink: (path) => unlink(path),
  syncDirectory: (directory) => syncDirectory(directory),
  statfs: async (path) => {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free: bavail * bsize, total: blocks * bsize };
  },
};

function diskFile(handle: FileHandle): DiskFile {
  return {
    pread: (target, position) => readAll(handle, target, position),
    pwritev: (parts, position) => writeAll(handle, parts, position),
    fdatasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

async function readAll(handle: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await handle.read(target, filled, target.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

// The system may write less than asked; what is left goes on from there.
async function writeAll(handle: FileHandle, parts: readonly Uint8Array[], position: number): Promise<void> {
  let left = parts;
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev([...left], at);
    at += bytesWritten;
    left = withoutFirst(left, bytesWritten);
  }
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let rest = bytes;
  for (const [index, part] of parts.entries()) {
    if (rest < part.length) return [part.subarray(rest), ...parts.slice(index + 1)];
    rest -= part.length;
  }
  return [];
}
