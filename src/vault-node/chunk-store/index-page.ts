// The form of the index on disk: records of 56 bytes in the order of their addresses, 73 to a page of 4096 bytes that ends
// with their number (u16), two zero bytes and the CRC-32 of all before it. Integers are little-endian. A record:
//   0 address 32 · 32 segment u32 · 36 offset u32 · 40 size u32 · 44 vault number u16 · 46 flags u8 (1 damaged, 2 removed) · 47 zero u8 · 48 stored at f64
import { crc32 } from "node:zlib";
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";

/** Where a chunk's bytes lie; `damaged`: its checksum failed once, or its segment is gone because of that (segment 0). */
export type Place = {
  readonly segment: number;
  readonly offset: number;
  readonly size: number;
  readonly vault: VaultName;
  readonly storedAtMs: number;
  readonly damaged: boolean;
};

export const pageBytes = 4096;
export const recordBytes = 56;
export const addressBytes = 32;
export const recordsPerPage = 73;
const countAt = 4088;
const crcAt = 4092;
const damagedFlag = 1;
const removedFlag = 2;

/** Writes the record of `address` at the start of `target`; null: it is nowhere, whatever older records say. */
export function writeRecord(target: Buffer, address: Address, place: Place | null, vaultNumber: number): void {
  target.fill(0, 0, recordBytes);
  target.write(address, 0, addressBytes, "hex");
  if (place === null) {
    target.writeUInt8(removedFlag, 46);
    return;
  }
  target.writeUInt32LE(place.segment, 32);
  target.writeUInt32LE(place.offset, 36);
  target.writeUInt32LE(place.size, 40);
  target.writeUInt16LE(vaultNumber, 44);
  target.writeUInt8(place.damaged ? damagedFlag : 0, 46);
  target.writeDoubleLE(place.storedAtMs, 48);
}

/** The place in the record at `at`; undefined where it says that the chunk is nowhere. Throws a `RangeError` for a vault that nobody knows. */
export function readPlace(source: Buffer, at: number, vaults: readonly VaultName[]): Place | undefined {
  if (isRemoved(source, at)) return undefined;
  const vault = vaults[source.readUInt16LE(at + 44)];
  if (vault === undefined) throw new RangeError("the index names a vault that it does not list");
  return {
    segment: source.readUInt32LE(at + 32),
    offset: source.readUInt32LE(at + 36),
    size: source.readUInt32LE(at + 40),
    vault,
    storedAtMs: source.readDoubleLE(at + 48),
    damaged: source.readUInt8(at + 46) === damagedFlag,
  };
}

/** Whether the record at `at` says that its chunk is nowhere. */
export function isRemoved(source: Buffer, at: number): boolean {
  return source.readUInt8(at + 46) === removedFlag;
}

/** The first six bytes of an address as a number that sorts as they do: most comparisons need no more. */
export function prefixAt(source: Buffer, at: number): number {
  return source.readUIntBE(at, 6);
}

/** How the addresses at two spots sort. */
export function compareAddresses(a: Buffer, aAt: number, b: Buffer, bAt: number): number {
  return a.compare(b, bAt, bAt + addressBytes, aAt, aAt + addressBytes);
}

/** Ends a page that holds `count` records. */
export function sealPage(page: Buffer, count: number): void {
  page.fill(0, count * recordBytes, pageBytes);
  page.writeUInt16LE(count, countAt);
  page.writeUInt32LE(crc32(page.subarray(0, crcAt)), crcAt);
}

/** How many records the page at `at` holds. Throws a `RangeError` for one that has rotted. */
export function checkedCount(source: Buffer, at: number): number {
  const count = source.readUInt16LE(at + countAt);
  const sound = source.readUInt32LE(at + crcAt) === crc32(source.subarray(at, at + crcAt));
  if (!sound || count === 0 || count > recordsPerPage) throw new RangeError("a page of the index has rotted");
  return count;
}
