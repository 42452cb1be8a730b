// What a chunk's Brotli stream is made of. All figures here are part of the fast writer's format version: they decide
// addresses, so that equal content is stored once. Changing one makes a new version, never a silent difference.
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

/** fast: stored or quality 1. dense: quality 6, with the size hint under which most streams are those of the crate. */
export type WriterMode = "fast" | "dense";

/** Version of the fast writer's choices below. */
export const fastWriterVersion = 1;

const fastQuality = 1;
const denseQuality = 6;
const denseSizeHint = 4096;
const windowBits = 22;
// Four samples spread over the chunk: enough to meet both kinds in a mixed file, well under 1 % of a chunk's time.
const sampleQuality = 0;
const sampleCount = 4;
const sampleLength: number = 16 * 1024;
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

function looksCompressible(plain: Uint8Array): boolean {
  if (plain.length <= sampleCount * sampleLength) return true;
  const gap = Math.floor((plain.length - sampleLength) / (sampleCount - 1));
  let compressed = 0;
  for (let i = 0; i < sampleCount; i += 1)
    compressed += compress(plain.subarray(i * gap, i * gap + sampleLength), sampleQuality, sampleLength).length;
  return compressed < sampleCount * sampleLength * worthwhileShare;
}

/** The Brotli stream of a chunk, or undefined where it is to be framed as stored bytes. */
export function compressChunk(plain: Uint8Array, mode: WriterMode): Uint8Array | undefined {
  if (mode === "dense") return compress(plain, denseQuality, denseSizeHint);
  if (!looksCompressible(plain)) return undefined;
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
