// The record cache on disk: records one after another, each behind its length, replaced atomically. Records carry their
// own signatures, so a damaged file costs what cannot be read, and a warning.
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { concatBytes, equalBytes, textBytes } from "../../protocol/bytes.ts";
import { nodeRecordMax } from "../../protocol/limits.ts";
import type { Log } from "../../runtime/log.ts";
import type { RecordCache } from "./record-cache.ts";

const mark = textBytes("vaultfarm records 1\n");
const lengthBytes = 4;

/** A cache in the file at `path`; its folder must exist. */
export function createFileRecordCache(path: string, log: Log): RecordCache {
  const load = async (): Promise<readonly Uint8Array[]> => {
    const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ENOENT") log.warn("the record cache cannot be read", { path, cause });
      return undefined;
    });
    if (bytes === undefined) return [];
    const { records, damaged } = parse(bytes);
    if (damaged) log.warn("the record cache is damaged, using what can be read", { path, records: records.length });
    return records;
  };
  const save = async (records: readonly Uint8Array[]): Promise<void> => {
    const next = `${path}.next`;
    const file = await open(next, "w", 0o600);
    try {
      await file.writeFile(format(records));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
    await syncFolder(dirname(path));
  };
  return { load, save };
}

function format(records: readonly Uint8Array[]): Uint8Array {
  return concatBytes(mark, ...records.flatMap((record) => [lengthOf(record), record]));
}

function lengthOf(record: Uint8Array): Uint8Array {
  const length = new Uint8Array(lengthBytes);
  new DataView(length.buffer).setUint32(0, record.length);
  return length;
}

function parse(bytes: Uint8Array): { readonly records: readonly Uint8Array[]; readonly damaged: boolean } {
  const records: Uint8Array[] = [];
  if (!equalBytes(bytes.subarray(0, mark.length), mark)) return { records, damaged: true };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = mark.length;
  while (at + lengthBytes <= bytes.length) {
    const length = view.getUint32(at);
    const end = at + lengthBytes + length;
    if (length === 0 || length > nodeRecordMax || end > bytes.length) return { records, damaged: true };
    records.push(bytes.slice(at + lengthBytes, end));
    at = end;
  }
  return { records, damaged: at !== bytes.length };
}

async function syncFolder(path: string): Promise<void> {
  // Not every platform lets a folder be opened; the file itself is synced in any case.
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
