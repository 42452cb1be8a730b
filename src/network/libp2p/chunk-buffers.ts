// Buffers for received chunks, used over and over: a fresh buffer a chunk costs more in page faults than the cipher.
// Large ones are shared memory, which threads hand to each other without V8 counting it as theirs: a few MiB that come and
// go made every thread they passed mark its whole heap (measured: a fifth of what a put costs).

/** Shared where it is large enough to be used again. */
export type ChunkBuffer = ArrayBuffer | SharedArrayBuffer;

export type ChunkBuffers = {
  /** A buffer of at least `length` bytes, its content anything. */
  take(length: number): ChunkBuffer;
  give(buffer: ChunkBuffer): void;
  drain(): void;
};

// Sizes are rounded up to this, so that chunks of about one size share buffers; smaller ones are not worth keeping.
const stepBytes = 256 * 1024;

/** A pool that keeps at most `keepMax` bytes while they are unused. */
export function createChunkBuffers(keepMax: number): ChunkBuffers {
  const free = new Map<number, SharedArrayBuffer[]>();
  let kept = 0;
  const take = (length: number): ChunkBuffer => {
    if (length < stepBytes) return new ArrayBuffer(length);
    const size = Math.ceil(length / stepBytes) * stepBytes;
    const reused = free.get(size)?.pop();
    if (reused === undefined) return new SharedArrayBuffer(size);
    kept -= size;
    return reused;
  };
  const give = (buffer: ChunkBuffer): void => {
    const size = buffer.byteLength;
    if (buffer instanceof ArrayBuffer || kept + size > keepMax) return;
    const list = free.get(size) ?? [];
    free.set(size, list);
    list.push(buffer);
    kept += size;
  };
  const drain = (): void => {
    free.clear();
    kept = 0;
  };
  return { take, give, drain };
}

/** The buffers below `chunks`, for reuse. */
export function buffersOf(chunks: readonly Uint8Array[]): ChunkBuffer[] {
  return chunks.map(({ buffer }) => buffer as ChunkBuffer);
}

/** Those of `buffers` that must be moved to another thread: shared ones are there already. */
export function movable(buffers: readonly ChunkBuffer[]): ArrayBuffer[] {
  return buffers.filter((buffer) => buffer instanceof ArrayBuffer);
}
