// A zip archive of texts in memory: deflated entries and the directory behind them, as each program that knows zip reads them
// (APPNOTE 4.3.7, 4.3.12, 4.3.16). Small ones only, so nothing of the format's 64-bit part. Pure.
import { crc32, deflateRawSync } from "node:zlib";

export type ZipEntry = { readonly path: string; readonly text: string };

/** What the 16- and 32-bit fields hold; far below, so that a program's memory holds it too. Bytes. */
const entriesMax = 4096;
const bytesMax = 256 * 1024 * 1024;

/** The archive; all entries are of the time `madeAtMs` (wall time, shown in UTC). Throws a `RangeError` for more than it can hold. */
export function zipOf(entries: readonly ZipEntry[], madeAtMs: number): Buffer {
  if (entries.length > entriesMax) throw new RangeError(`a zip archive of more than ${entriesMax} entries`);
  const [bodies, directory]: [Buffer[], Buffer[]] = [[], []];
  let [offset, directoryBytes] = [0, 0];
  for (const { path, text } of entries) {
    const [name, plain] = [Buffer.from(path), Buffer.from(text)];
    const packed = deflateRawSync(plain);
    if (offset + packed.length > bytesMax || plain.length > bytesMax) throw new RangeError(`a zip archive of more than ${bytesMax} bytes`);
    const fields = entryFields({ name, plain, packed }, madeAtMs);
    const local = Buffer.concat([numbers([4, 0x04034b50]), fields, name, packed]);
    // Made by: version 2.0 on Unix; no comment, first disk, text; 0600 for its owner alone.
    const rest = numbers([2, 0], [2, 0], [2, 1], [4, 0o100600 * 0x10000], [4, offset]);
    const listed = Buffer.concat([numbers([4, 0x02014b50], [2, 0x0314]), fields, rest, name]);
    bodies.push(local);
    directory.push(listed);
    offset += local.length;
    directoryBytes += listed.length;
  }
  const count = entries.length;
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, directoryBytes], [4, offset], [2, 0]);
  return Buffer.concat([...bodies, ...directory, end]);
}

type Packed = { readonly name: Buffer; readonly plain: Buffer; readonly packed: Buffer };

/** What stands in both headers: needs version 2.0, names in UTF-8, deflated, time, checksum, sizes, lengths. */
function entryFields({ name, plain, packed }: Packed, madeAtMs: number): Buffer {
  const at = new Date(madeAtMs);
  const time = at.getUTCHours() * 2048 + at.getUTCMinutes() * 32 + Math.floor(at.getUTCSeconds() / 2);
  // The format counts years from 1980, seven bits of them.
  const year = Math.min(127, Math.max(0, at.getUTCFullYear() - 1980));
  const date = year * 512 + (at.getUTCMonth() + 1) * 32 + at.getUTCDate();
  const sizes = [
    [4, crc32(plain)],
    [4, packed.length],
    [4, plain.length],
  ] as const;
  return numbers([2, 20], [2, 0x0800], [2, 8], [2, time], [2, date], ...sizes, [2, name.length], [2, 0]);
}

/** Numbers in little-endian order, each with its width in bytes. */
function numbers(...fields: readonly (readonly [width: 2 | 4, value: number])[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of fields) at = bytes.writeUIntLE(value, at, width);
  return bytes;
}
