// What a chunk's Brotli stream is made of. All figures here are part of the fast writer's format version: they decide
// addresses, so that equal content is stored once. Changing one makes a new version, never a silent difference.
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { looksCompressible, sampledLength } from "./compressible.ts";

/** fast: stored or quality 1. dense: quality 6, with the size hint under which most streams are those of the crate. */
export type WriterMode = "fast" | "dense";

/** Version of the fast writer's choices: those below and those of the samples. */
export const fastWriterVersion = 1;

const fastQuality = 1;
const denseQuality = 6;
const denseSizeHint = 4096;
const windowBits = 22;
/** A chunk is stored as it is unless compression would leave less than this share: the reader's decoder would cost more than that saves. */
const worthwhileShare = 0.98;

function compress(bytes: Uint8Array, quality: number, sizeHint: number): Uint8Array {
  return brotliCompressSync(bytes, {
    chunkSize: Math.max(1024, bytes.length >>> 1),
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: windowBits,
      [constants.BROTLI_PARAM_SIZE_HINT]: sizeHint,
    },
  });
}

/** The Brotli stream of a chunk, or undefined where it is to be framed as stored bytes. */
export function compressChunk(plain: Uint8Array, mode: WriterMode): Uint8Array | undefined {
  if (mode === "dense") return compress(plain, denseQuality, denseSizeHint);
  if (plain.length > sampledLength && !looksCompressible(plain)) return undefined;
  const stream = compress(plain, fastQuality, plain.length);
  return stream.length < plain.length * worthwhileShare ? stream : undefined;
}

/** The plain bytes of a stream, or undefined where it is no Brotli stream, gives more than `length` bytes or has bytes behind its end. */
export function decompressChunk(stream: Uint8Array, length: number): Uint8Array | undefined {
  try {
    return brotliDecompressSync(stream, { chunkSize: Math.max(64, length), maxOutputLength: length, rejectGarbageAfterEnd: true });
  } catch {
    return undefined;
  }
}
