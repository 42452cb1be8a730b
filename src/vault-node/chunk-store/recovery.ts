// Reading the log again at a start: what the index does not know yet is booked, and the torn end of a group that was
// never acknowledged is cut off.
import { chunkAddress } from "../../protocol/address.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import type { DiskFile } from "./disk-port.ts";
import { type EntryHead, entryBytes, entryHeaderBytes, readEntryHead } from "./log-entry.ts";

/** An entry found at `offset`; `damaged`: its bytes fail their checksum, but entries follow. */
export type FoundEntry = { readonly head: EntryHead; readonly offset: number; readonly damaged: boolean };

export type ScanOptions = {
  readonly segment: number;
  readonly from: number;
  /** Reads and checks the bytes of chunks too; without it their headers only. */
  readonly verify: boolean;
};

/** The entries of a segment file from `from` on; returns where the last whole one ends. Rejects with the system's error. */
export async function* scanSegment(file: DiskFile, { segment, from, verify }: ScanOptions): AsyncGenerator<FoundEntry, number> {
  const size = await file.size();
  const scratch = Buffer.allocUnsafe(verify ? entryHeaderBytes + chunkSizeMax : entryHeaderBytes);
  const headAt = async (offset: number): Promise<EntryHead | undefined> => {
    if (offset + entryHeaderBytes > size) return undefined;
    const head = Buffer.allocUnsafe(entryHeaderBytes);
    return (await file.pread(head, offset)) < entryHeaderBytes ? undefined : readEntryHead(head, 0, segment);
  };
  let offset = from;
  for (let head = await headAt(offset); head !== undefined; head = await headAt(offset)) {
    const end = offset + entryBytes(head);
    if (end > size) break;
    const damaged = verify && head.kind === "put" && !(await holds(file, head, offset, scratch));
    // Without anything behind it, this is the torn end; with it, bytes that changed since.
    if (damaged && (await headAt(end)) === undefined) break;
    yield { head, offset, damaged };
    offset = end;
  }
  return offset;
}

async function holds(file: DiskFile, head: EntryHead, offset: number, scratch: Buffer): Promise<boolean> {
  const bytes = scratch.subarray(0, head.size);
  return (await file.pread(bytes, offset + entryHeaderBytes)) === head.size && chunkAddress(bytes) === head.address;
}
