// The form of an entry in the log: a header of fixed size with its own checksum, then the chunk's bytes, whose checksum
// is the chunk's address (BLAKE3). Integers are little-endian.
//   0 magic u32 · 4 kind u8 (0 put, 1 note) · 5 torn u8 · 6 two zero bytes · 8 size u32 · 12 segment u32 · 16 stored at, milliseconds f64 · 24 address 32 · 56 vault 32 ·
//   88 lay in u32 · 92 CRC-32 of bytes 0 to 91
import { crc32 } from "node:zlib";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";

export const entryHeaderBytes = 96;

/**
 * `put` is followed by `size` bytes. `remove` and `torn` are notes (size 0) about every copy up to segment `layIn`, the one in
 * which the chunk lay then (for a put: 0): that it is gone, or that its bytes were found torn. A note is needed as long as that
 * segment is there. Programs of format 1 take a torn chunk for removed.
 */
export type EntryHead = {
  readonly kind: "put" | "remove" | "torn";
  readonly address: Address;
  readonly vault: VaultName;
  readonly size: number;
  readonly storedAtMs: number;
  readonly layIn: number;
};

const magic = 0x3143_4656;
const putKind = 0;
const noteKind = 1;
const crcAt = 92;

/** What every header begins with. */
export const entryMagic: Buffer = Buffer.from("VFC1");

/** Writes the header of an entry of segment `segment` at `at` into `target`. */
export function writeEntryHead(target: Buffer, at: number, head: EntryHead, segment: number): void {
  target.fill(0, at, at + entryHeaderBytes);
  target.writeUInt32LE(magic, at);
  target.writeUInt8(head.kind === "put" ? putKind : noteKind, at + 4);
  target.writeUInt8(head.kind === "torn" ? 1 : 0, at + 5);
  target.writeUInt32LE(head.size, at + 8);
  target.writeUInt32LE(segment, at + 12);
  target.writeDoubleLE(head.storedAtMs, at + 16);
  target.write(head.address, at + 24, 32, "hex");
  target.write(head.vault, at + 56, 32, "hex");
  target.writeUInt32LE(head.layIn, at + 88);
  target.writeUInt32LE(crc32(target.subarray(at, at + crcAt)), at + crcAt);
}

/** The header at `at`, or undefined where there is none of segment `segment` or it is torn. */
export function readEntryHead(source: Buffer, at: number, segment: number): EntryHead | undefined {
  if (source.length - at < entryHeaderBytes || source.readUInt32LE(at) !== magic) return undefined;
  if (source.readUInt32LE(at + crcAt) !== crc32(source.subarray(at, at + crcAt))) return undefined;
  const kind = kindOf(source.readUInt8(at + 4), source.readUInt8(at + 5));
  const size = source.readUInt32LE(at + 8);
  if (kind === undefined || size > chunkSizeMax || source.readUInt32LE(at + 12) !== segment) return undefined;
  const address = addressFromBytes(source.subarray(at + 24, at + 56));
  const vault = addressFromBytes(source.subarray(at + 56, at + 88));
  return { kind, address, vault, size, storedAtMs: source.readDoubleLE(at + 16), layIn: source.readUInt32LE(at + 88) };
}

function kindOf(kind: number, torn: number): EntryHead["kind"] | undefined {
  if (kind === putKind) return "put";
  if (kind !== noteKind) return undefined;
  return torn === 1 ? "torn" : "remove";
}

/** Bytes an entry takes in the log. */
export function entryBytes(head: Pick<EntryHead, "size">): number {
  return entryHeaderBytes + head.size;
}
