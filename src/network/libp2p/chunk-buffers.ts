// Buffers for received chunks, used over and over: a fresh buffer a chunk costs more in page faults than the cipher.

export type ChunkBuffers = {
  /** A buffer of at least `length` bytes, its content anything. */
  take(length: number): ArrayBuffer;
  give(buffer: ArrayBuffer): void;
  drain(): void;
};

// Sizes are rounded up to this, so that chunks of about one size share buffers; smaller ones are not worth keeping.
const stepBytes = 256 * 1024;

/** A pool that keeps at most `keepMax` bytes while they are unused. */
export function createChunkBuffers(keepMax: number): ChunkBuffers {
  const free = new Map<number, ArrayBuffer[]>();
  let kept = 0;
  const take = (length: number): ArrayBuffer => {
    if (length < stepBytes) return new ArrayBuffer(length);
    const size = Math.ceil(length / stepBytes) * stepBytes;
    const reused = free.get(size)?.pop();
    if (reused === undefined) return new ArrayBuffer(size);
    kept -= size;
    return reused;
  };
  const give = (buffer: ArrayBuffer): void => {
    const size = buffer.byteLength;
    if (size === 0 || size % stepBytes !== 0 || kept + size > keepMax) return;
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
