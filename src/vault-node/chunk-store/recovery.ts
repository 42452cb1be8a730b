// Reading the log again: entry after entry by their headers. Where there is none, either the torn end of a group that was
// never acknowledged begins, or bytes have rotted: then the next entry is looked for, so that one flipped bit loses one entry.
import { chunkAddress } from "../../protocol/address.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import type { DiskFile } from "./disk-port.ts";
import { type EntryHead, entryBytes, entryHeaderBytes, entryMagic, readEntryHead } from "./log-entry.ts";

/** An entry found at `offset`; `damaged`: its bytes fail their checksum, but entries follow. */
export type FoundEntry = { readonly head: EntryHead; readonly offset: number; readonly damaged: boolean };

/** Where the last whole entry ends, and how many bytes before that belong to none. */
export type ScanEnd = { readonly end: number; readonly gaps: number };

export type ScanOptions = {
  readonly segment: number;
  readonly from: number;
  /** Reads and checks the bytes of chunks too; without it their headers only. */
  readonly verify: boolean;
};

// Many small entries in one read, and little in vain before a large one.
const windowBytes = 64 * 1024;

/** The entries of a segment file from `from` on; returns where the last whole one ends. Rejects with the system's error. */
export async function* scanSegment(file: DiskFile, options: ScanOptions): AsyncGenerator<FoundEntry, ScanEnd> {
  const source = await openSource(file, options.segment);
  let offset = options.from;
  let end = offset;
  let gaps = 0;
  // The first of a gap, where its header is whole and its bytes are not: a later start that believes headers would take it for a chunk.
  let torn: FoundEntry | undefined;
  for (;;) {
    const head = await source.headAt(offset);
    const next = offset + (head === undefined ? 0 : entryBytes(head));
    if (head !== undefined && next <= source.size) {
      // Behind a gap we may be inside a chunk, whose bytes are anybody's: only what proves itself is believed there.
      const sound = head.kind !== "put" ? gaps === 0 : !(options.verify || gaps > 0) || (await source.holds(head, offset));
      const damaged = !sound && gaps === 0 && (await source.headAt(next)) !== undefined;
      if (sound || damaged) {
        if (torn !== undefined) yield torn;
        torn = undefined;
        yield { head, offset, damaged };
        offset = next;
        end = next;
        continue;
      }
      if (gaps === 0) torn = { head, offset, damaged: true };
    }
    const found = await source.findHead(offset + 1);
    if (found === undefined) return { end, gaps: gaps - tail(gaps, end, offset) };
    gaps += found - offset;
    offset = found;
  }
}

// What was skipped behind the last entry is its torn end and no gap.
function tail(gaps: number, end: number, offset: number): number {
  return Math.min(gaps, offset - end);
}

type Source = {
  readonly size: number;
  headAt(offset: number): Promise<EntryHead | undefined>;
  /** Where the next header begins, at `from` or behind. */
  findHead(from: number): Promise<number | undefined>;
  /** Whether the chunk of the entry at `offset` is whole. */
  holds(head: EntryHead, offset: number): Promise<boolean>;
};

async function openSource(file: DiskFile, segment: number): Promise<Source> {
  const size = await file.size();
  const buffer = Buffer.allocUnsafe(windowBytes);
  let scratch: Buffer | undefined;
  let windowAt = 0;
  let window = buffer.subarray(0, 0);
  // The window from `offset` on, at least `need` bytes long where the file is; it has at most its own length.
  const windowFrom = async (offset: number, need: number = entryHeaderBytes): Promise<Buffer> => {
    const inside = offset - windowAt;
    if (inside >= 0 && inside + need <= window.length) return window.subarray(inside);
    window = buffer.subarray(0, await file.pread(buffer, offset));
    windowAt = offset;
    return window;
  };
  const headAt = async (offset: number): Promise<EntryHead | undefined> =>
    offset + entryHeaderBytes > size ? undefined : readEntryHead(await windowFrom(offset), 0, segment);
  const findHead = async (from: number): Promise<number | undefined> => {
    for (let at = from; at + entryHeaderBytes <= size; ) {
      const bytes = await windowFrom(at);
      const found = bytes.indexOf(entryMagic);
      if (found === -1) at += Math.max(1, bytes.length - entryMagic.length + 1);
      else if ((await headAt(at + found)) !== undefined) return at + found;
      else at += found + 1;
    }
    return undefined;
  };
  const holds = async (head: EntryHead, offset: number): Promise<boolean> => {
    const length = entryBytes(head);
    if (length <= windowBytes) {
      const whole = (await windowFrom(offset, length)).subarray(0, length);
      return whole.length === length && chunkAddress(whole.subarray(entryHeaderBytes)) === head.address;
    }
    scratch ??= Buffer.allocUnsafe(chunkSizeMax);
    const bytes = scratch.subarray(0, head.size);
    return (await file.pread(bytes, offset + entryHeaderBytes)) === head.size && chunkAddress(bytes) === head.address;
  };
  return { size, headAt, findHead, holds };
}
