// Large reads and writes past the page cache. Chunks are far larger than what is read soon again, and pages for them cost
// more than all else that storing does (measured: 2.8 CPU-s/GiB through the cache against 0.2, on a machine that hands out
// its memory page by page). What direct access needs, whole blocks of a file and of aligned memory, is arranged here.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Blocks of every file system we know are this or divide it; so do pages. */
export const blockBytes = 4096;
/** From this length on it pays. */
export const directMin: number = 256 * 1024;
// One piece of aligned memory for each thread of Node's pool; who finds none free goes through the cache.
const slotBytes = 1024 * 1024;
const slotCount = 4;
const wasmPageBytes = 64 * 1024;

/** A file opened for direct access; undefined where the file system or the system has none. */
export type DirectFile = {
  /** Writes the blocks from `position` on, both multiples of `blockBytes`; false where there is no memory for it now. */
  write(parts: readonly Uint8Array[], position: number): Promise<boolean>;
  /** Fills `target` from `position` on as far as the file reaches; undefined where there is no memory for it now. */
  read(target: Uint8Array, position: number): Promise<number | undefined>;
  close(): Promise<void>;
};

// Node has it; the types of Node do not.
type AlignedMemory = new (size: { readonly initial: number; readonly maximum: number }) => { readonly buffer: ArrayBuffer };
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Memory: AlignedMemory } };

let slots: Uint8Array[] | undefined;

// The memory of WebAssembly begins at a page: no other memory that a program can ask for promises it.
function freeSlots(): Uint8Array[] {
  if (slots === undefined) {
    const pages = (slotBytes * slotCount) / wasmPageBytes;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    slots = Array.from({ length: slotCount }, (_, index) => new Uint8Array(buffer, index * slotBytes, slotBytes));
  }
  return slots;
}

async function withSlot<T>(action: (slot: Uint8Array) => Promise<T>): Promise<T | undefined> {
  const slot = freeSlots().pop();
  if (slot === undefined) return undefined;
  try {
    return await action(slot);
  } finally {
    slots?.push(slot);
  }
}

/** Opens `path` for direct access. Never rejects: undefined where that cannot be had. */
export async function openDirect(path: string, flags: number): Promise<DirectFile | undefined> {
  const { O_DIRECT } = constants;
  if (O_DIRECT === undefined) return undefined;
  const handle = await open(path, flags | O_DIRECT).catch(() => undefined);
  if (handle === undefined) return undefined;
  let refused = false;
  const attempt = async <T>(action: (slot: Uint8Array) => Promise<T>): Promise<T | undefined> => {
    if (refused) return undefined;
    try {
      return await withSlot(action);
    } catch (error) {
      // Opened, and yet not for blocks of this size: through the cache from now on.
      refused = error instanceof Error && "code" in error && error.code === "EINVAL";
      if (refused) return undefined;
      throw error;
    }
  };
  return {
    write: async (parts, position) => (await attempt((slot) => writeBlocks(handle, slot, { parts, position }))) ?? false,
    read: (target, position) => attempt((slot) => readBlocks(handle, slot, { target, position })),
    close: () => handle.close(),
  };
}

type Writing = { readonly parts: readonly Uint8Array[]; readonly position: number };

async function writeBlocks(handle: FileHandle, slot: Uint8Array, { parts, position }: Writing): Promise<true> {
  let at = position;
  let filled = 0;
  const flush = async (): Promise<void> => {
    for (let written = 0; written < filled; ) {
      const { bytesWritten } = await handle.write(slot, written, filled - written, at + written);
      written += bytesWritten;
    }
    at += filled;
    filled = 0;
  };
  for (const part of parts)
    for (let taken = 0; taken < part.length; ) {
      const piece = part.subarray(taken, taken + slot.length - filled);
      slot.set(piece, filled);
      filled += piece.length;
      taken += piece.length;
      if (filled === slot.length) await flush();
    }
  await flush();
  return true;
}

type Reading = { readonly target: Uint8Array; readonly position: number };

async function readBlocks(handle: FileHandle, slot: Uint8Array, { target, position }: Reading): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const skipped = (position + filled) % blockBytes;
    const wanted = Math.min(slot.length, Math.ceil((skipped + target.length - filled) / blockBytes) * blockBytes);
    const { bytesRead } = await handle.read(slot, 0, wanted, position + filled - skipped);
    const piece = slot.subarray(skipped, Math.min(bytesRead, skipped + target.length - filled));
    if (piece.length === 0) break;
    target.set(piece, filled);
    filled += piece.length;
    // The file ends inside this block: another read would begin where it has no whole block.
    if (bytesRead < wanted) break;
  }
  return filled;
}
