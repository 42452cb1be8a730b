// Self-encryption without a network: a file to a folder of chunks and a data map, in the form of the crate, and back.

import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../../runtime/make-folder.ts";
import { ClientError } from "../errors.ts";
import { createBufferPool } from "./buffer-pool.ts";
import { byteSource } from "./byte-source.ts";
import type { ReaderParts } from "./read-level.ts";
import { namedAbort, openTree } from "./read-object.ts";
import { encodeRoot, parseRoot } from "./root-map.ts";
import type { EncryptOptions, FetchChunk } from "./sealed-object.ts";
import { createWorkerPool } from "./worker-pool.ts";
import { writeTree } from "./write-object.ts";

export type EncryptFileOptions = Pick<EncryptOptions, "mode" | "secret" | "signal"> & {
  onProgress?(plainBytes: number, bytesTotal: number): void;
};
export type DecryptFileOptions = { readonly signal?: AbortSignal; onProgress?(plainBytes: number, bytesTotal: number): void };

/** `chunks`: files written beside the map. */
export type EncryptedFile = { readonly mapPath: string; readonly bytes: number; readonly chunks: number };

/** Name of the data map in the folder of chunks. Whoever has it can read the file. */
export const dataMapName = "data-map";

const memoryMax: number = 24 * 1024 * 1024;
/** Smallest content the format can cut; smaller ones lie in the map itself, which the crate does not know. */
const inlineBelow = 3;
const ownerOnly = 0o600;

type Machinery = Pick<ReaderParts, "pool" | "workers" | "signal">;

/** Workers and buffers for one file. */
async function withMachinery<T>(signal: AbortSignal | undefined, use: (parts: Machinery) => Promise<T>): Promise<T> {
  const workers = createWorkerPool(Math.min(2, availableParallelism()));
  const parts = { pool: createBufferPool(memoryMax), workers, signal: signal ?? new AbortController().signal };
  try {
    return await use(parts);
  } catch (error) {
    throw namedAbort(error, parts.signal);
  } finally {
    await workers.stop();
  }
}

/**
 * Encrypts the file at `path` into `outDir` (made if need be): one file a chunk, named by its address, and the data map.
 * Rejects with a ClientError (`empty`, `wrong-size` where the file changes meanwhile, `aborted`) or the disk's error (EEXIST where
 * a map lies there).
 */
export async function encryptFile(path: string, outDir: string, options: EncryptFileOptions = {}): Promise<EncryptedFile> {
  const { size } = await stat(path);
  if (size === 0) throw new ClientError("empty", "there is nothing to encrypt: the file is empty");
  await makeFolder(outDir);
  let chunks = 0;
  let done = 0;
  const emit: EncryptOptions["onChunk"] = async (chunk) => {
    await writeFile(join(outDir, chunk.address), chunk.bytes).finally(() => chunk.release());
    chunks += 1;
    done += chunk.plainBytes;
    options.onProgress?.(done, size);
  };
  return withMachinery(options.signal, async (parts) => {
    const source = byteSource(createReadStream(path, { highWaterMark: 1024 * 1024 }), size, parts.signal);
    try {
      const root = await writeTree(source, size, { ...options, inlineBelow, emit }, parts);
      const mapPath = join(outDir, dataMapName);
      // A map is all that opens its file: that of another one is never written over.
      await writeFile(mapPath, encodeRoot(root), { mode: ownerOnly, flag: "wx" });
      return { mapPath, bytes: size, chunks };
    } finally {
      source.close();
    }
  });
}

/**
 * Decrypts what the map at `mapPath` describes from the chunks in `chunksDir` into `outPath`, which appears only once it
 * is whole. Rejects with a ClientError (`damaged`, `not-found` for a missing chunk, `aborted`) or the disk's error
 * (EEXIST where `outPath`.partial is there: of a run that was cut off, or of another).
 */
export async function decryptFile(
  mapPath: string,
  chunksDir: string,
  outPath: string,
  options: DecryptFileOptions = {},
): Promise<{ readonly bytes: number }> {
  const parsed = parseRoot(await readFile(mapPath));
  if (parsed.kind !== "root")
    throw new ClientError("damaged", parsed.kind === "malformed" ? `the data map is malformed: ${parsed.why}` : "this is no data map");
  return withMachinery(options.signal, async (machinery) => {
    const parts: ReaderParts = { ...machinery, fetch: folderFetch(chunksDir) };
    const reader = await openTree(parsed.root, parts);
    const partial = `${outPath}.partial`;
    // A file that somebody has under that name is not ours to write over, nor to remove.
    const file = await open(partial, "wx", ownerOnly);
    try {
      await writeAll(file, reader.lend({ start: 0, end: reader.bytes }, parts), (done) => options.onProgress?.(done, reader.bytes));
      await rename(partial, outPath);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    return { bytes: reader.bytes };
  });
}

function folderFetch(folder: string): FetchChunk {
  return async (address, signal) => {
    try {
      return { bytes: await readFile(join(folder, address), signal === undefined ? {} : { signal }), release: () => undefined };
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      throw missing ? new ClientError("not-found", `the folder has no chunk ${address}`, { chunk: address, cause: error }) : error;
    }
  };
}

/** Writes all of it and closes the file, which a power cut does not take any more then. */
async function writeAll(file: FileHandle, pieces: AsyncIterable<Uint8Array>, onWritten: (done: number) => void): Promise<void> {
  try {
    let done = 0;
    for await (const piece of pieces) {
      for (let written = 0; written < piece.length; ) written += (await file.write(piece, written)).bytesWritten;
      done += piece.length;
      onWritten(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
