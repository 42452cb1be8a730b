// Sources of unknown size are kept until their end is known, since the object format needs the size first: short ones in
// memory, longer ones in a file that has no name any more once it is open, so that no end of the process leaves it behind.
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { concatBytes } from "../protocol/bytes.ts";
import { ClientError } from "./errors.ts";
import { sourcePieces } from "./source-pieces.ts";

export type SpoolLimits = {
  readonly directory: string;
  readonly memoryMax: number;
  readonly sizeMax: number;
  readonly signal: AbortSignal;
  /** Shared by all whose files lie on the same disk; absent: as much as that has. */
  readonly room?: SpoolRoom;
  /** Opens the file for a long one; by default one without a name in `directory`. */
  readonly openFile?: (directory: string) => Promise<FileHandle>;
};

/** Bytes that may lie in spool files at once, over all of them. */
export type SpoolRoom = {
  readonly bytesMax: number;
  /** Whether there was room; then it is taken until it is given back. */
  take(bytes: number): boolean;
  give(bytes: number): void;
};

/** Room for `bytesMax` bytes. */
export function createSpoolRoom(bytesMax: number): SpoolRoom {
  let left = bytesMax;
  return {
    bytesMax,
    take: (bytes) => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give: (bytes) => {
      left += bytes;
    },
  };
}

/** What was read to its end. `close` frees the file; `source` may be read once, before that. */
export type Spooled = { readonly size: number; readonly source: AsyncIterable<Uint8Array>; close(): Promise<void> };

const readLength = 256 * 1024;

/** Reads `source` to its end. Rejects with a `ClientError` `too-large` or `spool-full`, the signal's reason, or what the source throws. */
export async function spool(source: AsyncIterable<Uint8Array>, limits: SpoolLimits): Promise<Spooled> {
  let parts: Uint8Array[] = [];
  let file: FileHandle | undefined;
  let size = 0;
  let taken = 0;
  const { room } = limits;
  const freed = async (): Promise<void> => {
    await file?.close();
    room?.give(taken);
    taken = 0;
  };
  const write = async (part: Uint8Array): Promise<void> => {
    if (room !== undefined && !room.take(part.length)) throw noRoom(room.bytesMax);
    taken += part.length;
    file ??= await (limits.openFile ?? openNameless)(limits.directory).catch(namedWhereFull);
    await writeAll(file, part).catch(namedWhereFull);
  };
  const pieces = sourcePieces(source, limits.signal);
  try {
    for (let part = await pieces.next(); part !== undefined; part = await pieces.next()) {
      size += part.length;
      if (size > limits.sizeMax) throw new ClientError("too-large", `an object has at most ${limits.sizeMax} bytes here`);
      // A copy: the source may use its buffer again.
      parts.push(new Uint8Array(part));
      if (size <= limits.memoryMax) continue;
      for (const waiting of parts) await write(waiting);
      parts = [];
    }
  } catch (error) {
    await freed();
    throw error;
  } finally {
    pieces.close();
  }
  const opened = file;
  if (opened === undefined) return { size, source: once(concatBytes(...parts)), close: async () => {} };
  return { size, source: fileContent(opened, size), close: freed };
}

const sendLength = "send the length with it (a file, or the header Content-Length), which needs no such room";

function noRoom(bytesMax: number): ClientError {
  const words = `uploads of unknown length take at most ${bytesMax} bytes together until they end, and that is not left`;
  return new ClientError("spool-full", `${words}; ${sendLength}, or try again later`);
}

const fullCodes = ["ENOSPC", "EDQUOT"];

function namedWhereFull(cause: unknown): never {
  if (!(cause instanceof Error && "code" in cause && fullCodes.includes(String(cause.code)))) throw cause;
  throw new ClientError("spool-full", `the disk on which uploads of unknown length are kept until they end is full; ${sendLength}`, {
    cause,
  });
}

async function openNameless(directory: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `upload-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) written += (await file.write(bytes, written)).bytesWritten;
}

async function* fileContent(file: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < size; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(readLength, size - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new ClientError("wrong-size", "the spool file ended early");
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
