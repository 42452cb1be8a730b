// The data map in the crate's own form (bincode, fixed little-endian): written, read and checked. Kept as bytes, so that
// the map of a terabyte costs 80 bytes a chunk and nothing more. Pure.
import { hashLength } from "../../protocol/hash.ts";

/** One chunk of a map; the hashes are views into the map. */
export type MapEntry = { readonly address: Uint8Array; readonly sourceHash: Uint8Array; readonly size: number };

/** A map: `bytes` is its serialised form, entries in order. `child`: the level its chunks were sealed at, where they hold another map. */
export type DataMap = { readonly bytes: Uint8Array; readonly count: number; readonly child: number | undefined };

export type ParsedMap = { readonly kind: "map"; readonly map: DataMap } | { readonly kind: "malformed"; readonly why: string };

const mapVersion = 1;
const headLength = 9;
const entryLength = 80;
const indexLength = 8;
/** Fewest entries the format knows. */
const entriesMin = 3;
/** Largest serialised map we read or write, bytes: an object of about 1.6 TiB. */
export const mapSizeMax: number = 32 * 1024 * 1024;
/** Largest plain chunk we read, bytes: four times our own, so that no map makes a reader set aside more. */
export const readChunkMax: number = 16 * 1024 * 1024;

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of a map of `count` entries. */
export function mapLength(count: number, child: number | undefined): number {
  return headLength + count * entryLength + 1 + (child === undefined ? 0 : 8);
}

/** An empty map to be filled by `setEntry`. */
export function draftMap(count: number, child: number | undefined): DataMap {
  const bytes = new Uint8Array(mapLength(count, child));
  const numbers = view(bytes);
  bytes[0] = mapVersion;
  numbers.setBigUint64(1, BigInt(count), true);
  for (let index = 0; index < count; index += 1) numbers.setBigUint64(headLength + index * entryLength, BigInt(index), true);
  if (child !== undefined) {
    bytes[bytes.length - 9] = 1;
    numbers.setBigUint64(bytes.length - 8, BigInt(child), true);
  }
  return { bytes, count, child };
}

/** Writes entry `index` of a draft. */
export function setEntry(map: DataMap, index: number, entry: MapEntry): void {
  const at = headLength + index * entryLength + indexLength;
  map.bytes.set(entry.address, at);
  map.bytes.set(entry.sourceHash, at + hashLength);
  view(map.bytes).setBigUint64(at + 2 * hashLength, BigInt(entry.size), true);
}

/** Entry `index` of a map. */
export function mapEntry(map: DataMap, index: number): MapEntry {
  const at = headLength + index * entryLength + indexLength;
  return {
    address: map.bytes.subarray(at, at + hashLength),
    sourceHash: map.bytes.subarray(at + hashLength, at + 2 * hashLength),
    size: Number(view(map.bytes).getBigUint64(at + 2 * hashLength, true)),
  };
}

const malformed = (why: string): ParsedMap => ({ kind: "malformed", why });

/**
 * Reads a serialised map. Entries in another order are put in order, bytes behind the map are ignored (the crate's
 * streaming reader does both); anything but exactly the indices 0 to n − 1 is malformed.
 */
export function parseDataMap(bytes: Uint8Array): ParsedMap {
  if (bytes.length > mapSizeMax) return malformed(`longer than ${mapSizeMax} bytes`);
  if (bytes.length < headLength || bytes[0] !== mapVersion) return malformed("not a data map of version 1");
  const numbers = view(bytes);
  const count = Number(numbers.getBigUint64(1, true));
  if (count < entriesMin) return malformed(`${count} entries; a map has at least ${entriesMin}`);
  const tagAt = headLength + count * entryLength;
  if (bytes.length < tagAt + 1) return malformed(`cut short: ${bytes.length} bytes for ${count} entries`);
  const tag = bytes[tagAt];
  if (tag !== 0 && tag !== 1) return malformed("its child is neither absent nor a level");
  if (tag === 1 && bytes.length < tagAt + 9) return malformed("cut short in its child");
  const child = tag === 1 ? Number(numbers.getBigUint64(tagAt + 1, true)) : undefined;
  if (child !== undefined && !Number.isSafeInteger(child)) return malformed("a child level out of range");
  return inOrder(bytes, count, child);
}

function inOrder(bytes: Uint8Array, count: number, child: number | undefined): ParsedMap {
  const map = draftMap(count, child);
  const numbers = view(bytes);
  const seen = new Uint8Array(count);
  for (let position = 0; position < count; position += 1) {
    const at = headLength + position * entryLength;
    const index = Number(numbers.getBigUint64(at, true));
    if (index >= count || seen[index] === 1)
      return malformed(`index ${index} at position ${position}: the indices are not 0 to ${count - 1}`);
    const size = numbers.getBigUint64(at + entryLength - 8, true);
    if (size < 1n || size > BigInt(readChunkMax)) return malformed(`chunk ${index} of ${size} bytes; 1 to ${readChunkMax} are read`);
    seen[index] = 1;
    map.bytes.set(bytes.subarray(at, at + entryLength), headLength + index * entryLength);
  }
  return { kind: "map", map };
}

/** Plain bytes all chunks of a map hold together. */
export function mapContentLength(map: DataMap): number {
  let length = 0;
  for (let index = 0; index < map.count; index += 1) length += mapEntry(map, index).size;
  return length;
}
