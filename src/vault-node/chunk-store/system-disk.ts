// The disk port over the file system of the machine: large reads and writes go past the page cache where that can be had.
import { constants, readSync } from "node:fs";
import { type FileHandle, open, readdir, statfs, unlink } from "node:fs/promises";
import { syncDirectory } from "../../runtime/atomic-file.ts";
import { partsBetween, partsLength } from "./byte-parts.ts";
import { blockBytes, type DirectFile, directMin, openDirect } from "./direct-file.ts";
import type { Disk, DiskFile } from "./disk-port.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants;
const flags = { create: O_RDWR | O_CREAT | O_EXCL, write: O_RDWR, read: O_RDONLY } as const;

/** The machine's disk. */
export const systemDisk: Disk = {
  open: async (path, mode) => diskFile(await open(path, flags[mode], 0o600), () => openDirect(path, mode === "read" ? O_RDONLY : O_RDWR)),
  list: (directory) => readdir(directory),
  unlink: (path) => unlink(path),
  syncDirectory: (directory) => syncDirectory(directory),
  statfs: async (path) => {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free: bavail * bsize, total: blocks * bsize };
  },
};

function diskFile(handle: FileHandle, openPastCache: () => Promise<DirectFile | undefined>): DiskFile {
  let opened: Promise<DirectFile | undefined> | undefined;
  const direct = (bytes: number): Promise<DirectFile | undefined> | undefined => {
    if (bytes >= directMin) opened ??= openPastCache();
    return bytes >= directMin ? opened : undefined;
  };
  return {
    pread: async (target, position) => {
      const read = await (await direct(target.length))?.read(target, position);
      return read ?? readAll(handle, target, position);
    },
    preadNow: (target, position) => {
      let filled = 0;
      while (filled < target.length) {
        const bytesRead = readSync(handle.fd, target, filled, target.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    pwritev: async (parts, position) => {
      const file = await direct(partsLength(parts));
      if (file === undefined) await writeAll(handle, parts, position);
      else await writeRoundBlocks(handle, file, parts, position);
    },
    fdatasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    close: async () => {
      await (await opened)?.close();
      await handle.close();
    },
  };
}

/** Whole blocks go past the cache; what stands before and behind them shares its block with others and goes through it. */
async function writeRoundBlocks(handle: FileHandle, file: DirectFile, parts: readonly Uint8Array[], position: number): Promise<void> {
  const length = partsLength(parts);
  const first = Math.ceil(position / blockBytes) * blockBytes - position;
  const end = Math.floor((position + length) / blockBytes) * blockBytes - position;
  await writeAll(handle, partsBetween(parts, 0, first), position);
  const blocks = partsBetween(parts, first, end);
  if (!(await file.write(blocks, position + first))) await writeAll(handle, blocks, position + first);
  await writeAll(handle, partsBetween(parts, end, length), position + end);
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
    left = partsBetween(left, bytesWritten, partsLength(left));
  }
}
