// The record cache on disk: records one after another, each behind its length, replaced atomically. Records carry their
// own signatures, so a damaged file costs what cannot be read, and a warning.
import { strict as assert } from "node:assert";
import { stat } from "node:fs/promises";
import { concatBytes, equalBytes, textBytes } from "../../protocol/bytes.ts";
import { certificateChainMax, certificateSizeMax, nodeRecordMax } from "../../protocol/limits.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { Log } from "../../runtime/log.ts";
import type { RecordCache } from "./record-cache.ts";

/** How a file of this form begins, how it is called in the log, and the largest that is read. */
export type FileKind = { readonly mark: Uint8Array; readonly name: string; readonly bytesMax: number };

const lengthBytes = 4;

/** The largest directory with ten vaults a node takes 36 MiB. */
const recordFile: FileKind = { mark: textBytes("vaultfarm records 1\n"), name: "record cache", bytesMax: 128 * 1024 * 1024 };

const certificatesMark = textBytes("vaultfarm certificates 1\n");

/** The same form for the chain of membership certificates, which are no larger than records: a longest chain of the largest. */
export const certificateFile: FileKind = {
  mark: certificatesMark,
  name: "certificate file",
  bytesMax: certificatesMark.length + certificateChainMax * (lengthBytes + certificateSizeMax),
};
// What a file is read in at once.
assert(certificateFile.bytesMax < 2 ** 31, "the largest chain must be read in one piece");

/** A cache in the file at `path`; its folder must exist. */
export function createFileRecordCache(path: string, log: Log, { mark, name, bytesMax }: FileKind = recordFile): RecordCache {
  const read = async (): Promise<Uint8Array | undefined> => {
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    if (size > bytesMax) throw new RangeError(`at most ${bytesMax} bytes, got ${size}`);
    return readFileIfThere(path);
  };
  const load = async (): Promise<readonly Uint8Array[]> => {
    const bytes = await read().catch((cause: unknown) => {
      log.warn("a file of what is known of others cannot be read", { file: name, path, cause });
      return undefined;
    });
    if (bytes === undefined) return [];
    const { records, damaged } = parse(bytes, mark);
    if (damaged)
      log.warn("a file of what is known of others is damaged, using what can be read", { file: name, path, records: records.length });
    return records;
  };
  return { load, save: (records) => writeFileAtomic(path, format(records, mark)) };
}

function format(records: readonly Uint8Array[], mark: Uint8Array): Uint8Array {
  return concatBytes(mark, ...records.flatMap((record) => [lengthOf(record), record]));
}

function lengthOf(record: Uint8Array): Uint8Array {
  const length = new Uint8Array(lengthBytes);
  new DataView(length.buffer).setUint32(0, record.length);
  return length;
}

function parse(bytes: Uint8Array, mark: Uint8Array): { readonly records: readonly Uint8Array[]; readonly damaged: boolean } {
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
