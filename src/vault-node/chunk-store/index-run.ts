// A run of the index: one file, written once, of records in the order of their addresses, with what finds one of them by
// reading a single page: a filter of the addresses and the first address of each page, both kept in memory (11.5 bits a record).
//   pages · filter · first six bytes of each page's first address, as f64 · magic u32 · records u32 · pages u32 · filter bytes u32 · number u32 ·
//   CRC-32 of all behind the pages but itself u32
import { crc32 } from "node:zlib";
import { type AddressFilter, createAddressFilter, filterBytes } from "./address-filter.ts";
import type { Disk, DiskFile } from "./disk-port.ts";
import { checkedCount, compareAddresses, pageBytes, prefixAt, recordBytes, recordsPerPage, sealPage } from "./index-page.ts";
import { runSliceBytes, runSyncBytes } from "./store-limits.ts";

export type IndexRun = {
  readonly number: number;
  readonly records: number;
  readonly pages: number;
  /** Bytes of the file. */
  readonly bytes: number;
  readonly file: DiskFile;
  /** The record of the address in `key`, good until the next call. Throws the system's error, or a `RangeError` where the page has rotted. */
  find(key: Buffer): Buffer | undefined;
  /** The first page that may hold an address at or behind `key`. */
  pageOf(key: Buffer): number;
};

const magic = 0x3152_4656;
const trailerBytes = 24;

/** Opens the run `number` at `path`. Rejects with the system's error, or a `RangeError` where the file is no such run. */
export async function openRun(disk: Disk, path: string, number: number): Promise<IndexRun> {
  const file = await disk.open(path, "read");
  try {
    const size = await file.size();
    const trailer = await readExactly(file, size - trailerBytes, trailerBytes);
    const [pages, filterLength] = [trailer.readUInt32LE(8), trailer.readUInt32LE(12)];
    const index = size - pages * pageBytes - trailerBytes;
    if (trailer.readUInt32LE(0) !== magic || trailer.readUInt32LE(16) !== number || index !== filterLength + pages * 8)
      throw new RangeError(`${path} is no run of the index`);
    const found = await readExactly(file, pages * pageBytes, index);
    if (trailer.readUInt32LE(20) !== crc32(trailer.subarray(0, 20), crc32(found))) throw new RangeError(`${path} has rotted`);
    const firsts = Float64Array.from({ length: pages }, (_, page) => found.readDoubleLE(filterLength + page * 8));
    const filter = createAddressFilter(found.subarray(0, filterLength));
    return runOf({ number, records: trailer.readUInt32LE(4), bytes: size, file, firsts, filter });
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readExactly(file: DiskFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  if (position < 0 || (await file.pread(bytes, position)) !== length) throw new RangeError("a run of the index is torn");
  return bytes;
}

type RunParts = Pick<IndexRun, "number" | "records" | "bytes" | "file"> & {
  readonly firsts: Float64Array;
  readonly filter: AddressFilter;
};

function runOf({ number, records, bytes, file, firsts, filter }: RunParts): IndexRun {
  const page = Buffer.allocUnsafeSlow(pageBytes);
  // Of pages that begin with the same six bytes, the first; and the one before it, which may end with them.
  const pageOf = (key: Buffer): number => {
    const prefix = prefixAt(key, 0);
    let [low, high] = [0, firsts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((firsts[middle] ?? 0) < prefix) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  };
  return {
    number,
    records,
    pages: firsts.length,
    bytes,
    file,
    pageOf,
    find: (key) => {
      if (!filter.mayHold(key, 0)) return undefined;
      const prefix = prefixAt(key, 0);
      for (let at = pageOf(key); at < firsts.length && (firsts[at] ?? 0) <= prefix; at += 1) {
        if (file.preadNow(page, at * pageBytes) !== pageBytes) throw new RangeError("a run of the index is shorter than it was");
        const count = checkedCount(page, 0);
        const slot = slotOf(page, count, key);
        if (slot < count && compareAddresses(page, slot * recordBytes, key, 0) === 0)
          return page.subarray(slot * recordBytes, (slot + 1) * recordBytes);
      }
      return undefined;
    },
  };
}

/** The first of the `count` records of a page that is at or behind `key`; `count` where none is. */
export function slotOf(page: Buffer, count: number, key: Buffer): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAddresses(page, middle * recordBytes, key, 0) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export type RunWriter = {
  /** Adds the record at `at`; they come in the order of their addresses, each once. */
  add(source: Buffer, at: number): void;
  /** Whether enough has come together for `write`. */
  isFull(): boolean;
  /** Writes what has come together. */
  write(): Promise<void>;
  /** Writes the rest, synced, and opens the run. */
  finish(): Promise<IndexRun>;
  /** Bytes in the file so far. */
  written(): number;
  /** Gives up: closes the file. */
  close(): Promise<void>;
};

export type NewRun = { readonly path: string; readonly number: number; readonly recordsMax: number };

/** Begins the run file at `path` for at most `recordsMax` records. */
export async function beginRun(disk: Disk, { path, number, recordsMax }: NewRun): Promise<RunWriter> {
  const file = await disk.open(path, "create");
  const filter = createAddressFilter(new Uint8Array(filterBytes(recordsMax)));
  const firsts: number[] = [];
  const slice = Buffer.allocUnsafeSlow(Math.min(runSliceBytes, Math.ceil(recordsMax / recordsPerPage) * pageBytes));
  let [records, slotsUsed, pagesUsed, written, synced] = [0, 0, 0, 0, 0];
  const endPage = (): void => {
    sealPage(slice.subarray(pagesUsed * pageBytes, (pagesUsed + 1) * pageBytes), slotsUsed);
    pagesUsed += 1;
    slotsUsed = 0;
  };
  const append = async (bytes: Buffer): Promise<void> => {
    await file.pwritev([bytes], written);
    written += bytes.length;
    if (written - synced < runSyncBytes) return;
    await file.fdatasync();
    synced = written;
  };
  const write = async (): Promise<void> => {
    if (pagesUsed > 0) await append(slice.subarray(0, pagesUsed * pageBytes));
    pagesUsed = 0;
  };
  return {
    add: (source, at) => {
      if (slotsUsed === 0) firsts.push(prefixAt(source, at));
      filter.add(source, at);
      source.copy(slice, pagesUsed * pageBytes + slotsUsed * recordBytes, at, at + recordBytes);
      records += 1;
      slotsUsed += 1;
      if (slotsUsed === recordsPerPage) endPage();
    },
    isFull: () => (pagesUsed + 1) * pageBytes > slice.length,
    write,
    finish: async () => {
      if (slotsUsed > 0) endPage();
      await write();
      await append(tailOf(filter, firsts, { records, number }));
      await file.fdatasync();
      return runOf({ number, records, bytes: written, file, firsts: Float64Array.from(firsts), filter });
    },
    written: () => written,
    close: () => file.close(),
  };
}

function tailOf(filter: AddressFilter, firsts: readonly number[], { records, number }: { records: number; number: number }): Buffer {
  const at = filter.bytes.length;
  const tail = Buffer.alloc(at + firsts.length * 8 + trailerBytes);
  tail.set(filter.bytes, 0);
  for (const [page, first] of firsts.entries()) tail.writeDoubleLE(first, at + page * 8);
  const trailer = tail.length - trailerBytes;
  for (const [word, value] of [magic, records, firsts.length, at, number].entries()) tail.writeUInt32LE(value, trailer + word * 4);
  tail.writeUInt32LE(crc32(tail.subarray(0, tail.length - 4)), tail.length - 4);
  return tail;
}
