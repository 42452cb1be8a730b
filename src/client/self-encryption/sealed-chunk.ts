// One chunk from plain to sealed and back, in place in its buffer: compression or framing, cipher and pad, and every
// check a reader makes. Runs in workers for large chunks and in the calling thread for small ones.
import { equalBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { openStream, sealStream, tagLength } from "./chunk-cipher.ts";
import { compressChunk, decompressChunk, type WriterMode } from "./compression.ts";
import type { MapEntry } from "./data-map.ts";
import { giveBack } from "./give-back.ts";
import { type ChunkKeyInput, deriveChunkKeys } from "./key-derivation.ts";
import { frameStored, storedHeadLength, storedStart } from "./stored-frame.ts";

/** A sealed chunk's length in its buffer and its address. */
export type Sealed = { readonly length: number; readonly address: Uint8Array };

/** Which check a chunk failed: its address, its tag, its Brotli stream, its declared size or its source hash. */
export type Damage = "address" | "tag" | "stream" | "size" | "source-hash";

/** Where the plain bytes lie in the target buffer, or why they are refused. */
export type Opened = { readonly kind: "plain"; readonly start: number } | { readonly kind: "damaged"; readonly why: Damage };

// What any encoder may add to incompressible bytes (a few per meta-block), the tag, and the stored frame.
const growth = (length: number): number => 64 + tagLength + (length >>> 12);

/** Bytes a buffer needs in which a chunk of `length` plain bytes is sealed or opened. */
export function chunkBufferLength(length: number): number {
  return Math.ceil((length + growth(length)) / 8) * 8;
}

/** The place of `length` plain bytes in the buffer they are to be sealed in: the stored frame's head fits before them. */
export function plainPlace(buffer: Uint8Array, length: number): Uint8Array {
  const start = storedHeadLength(length);
  return buffer.subarray(start, start + length);
}

/** Seals the chunk that lies at `plainPlace`; the sealed bytes begin at the buffer's start. */
export function sealChunk(buffer: Uint8Array, length: number, input: ChunkKeyInput, mode: WriterMode): Sealed {
  const compressed = compressChunk(plainPlace(buffer, length), mode);
  const sealedLength = sealStream(compressed ?? frameStored(buffer, length), buffer, deriveChunkKeys(input));
  if (compressed !== undefined) giveBack(compressed);
  return { length: sealedLength, address: hash(buffer.subarray(0, sealedLength)) };
}

const damaged = (why: Damage): Opened => ({ kind: "damaged", why });

/** Opens `sealed` into `target` (which may begin at the same memory) and checks address, tag, stream, size and source hash. */
export function openChunk(sealed: Uint8Array, target: Uint8Array, entry: MapEntry, input: ChunkKeyInput): Opened {
  if (!equalBytes(hash(sealed), entry.address)) return damaged("address");
  const length = openStream(sealed, target, deriveChunkKeys(input));
  if (length === undefined) return damaged("tag");
  const stream = target.subarray(0, length);
  let start = storedStart(stream, entry.size);
  if (start === undefined) {
    const plain = decompressChunk(stream, entry.size);
    if (plain === undefined) return damaged("stream");
    if (plain.length !== entry.size) return damaged("size");
    target.set(plain);
    giveBack(plain);
    start = 0;
  }
  return equalBytes(hash(target.subarray(start, start + entry.size)), entry.sourceHash) ? { kind: "plain", start } : damaged("source-hash");
}
