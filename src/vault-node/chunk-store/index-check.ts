// Looks at an index file before LMDB maps it: a file shorter than its own first pages say would end the process with a
// bus error, and one that did end a start would end every further one.
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readFileIfThere, syncDirectory } from "../../runtime/atomic-file.ts";

// Where LMDB keeps what matters here in each of its two meta pages (lmdb.h, MDB_page and MDB_meta, 64-bit).
const magic = 0xbeef_c0de;
const magicAt = 24;
const pageSizeAt = 48;
const lastPageAt = 144;
const metaBytes = 160;
const pageSizes: ReadonlySet<number> = new Set([4096, 8192, 16_384, 32_768, 65_536]);

/** Whether the index in `directory` can be mapped: not there yet, or with both meta pages and every page they count. */
export async function canBeMapped(directory: string): Promise<boolean> {
  if ((await readFileIfThere(markerPath(directory))) !== undefined) return false;
  try {
    await using file = await open(join(directory, "data.mdb"), "r");
    const { size } = await file.stat();
    const first = Buffer.alloc(metaBytes);
    const second = Buffer.alloc(metaBytes);
    await file.read(first, 0, metaBytes, 0);
    const pageSize = first.readUInt32LE(pageSizeAt);
    if (!pageSizes.has(pageSize)) return false;
    await file.read(second, 0, metaBytes, pageSize);
    return [first, second].every(
      (meta) => meta.readUInt32LE(magicAt) === magic && Number(meta.readBigUInt64LE(lastPageAt)) < Math.floor(size / pageSize),
    );
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return true;
    throw error;
  }
}

/** Leaves a note that a start is reading the index. Where it is found, that start did not live to remove it. */
export async function noteReading(directory: string): Promise<void> {
  await writeFile(markerPath(directory), "");
  await syncDirectory(directory);
}

/** The note beside an index. */
export function markerPath(directory: string): string {
  return join(directory, "being-read");
}
