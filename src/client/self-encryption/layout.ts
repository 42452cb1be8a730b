// How the bytes of one level are cut into chunks, and which chunks a range covers. Pure.

/** Largest plain chunk we write, bytes: 4 MiB less 4 KiB of room for the tag and for growth. Readers take other sizes too. */
export const plainChunkMax = 4_190_208;

/** Fewest bytes the format can cut: three chunks of one. */
export const levelSizeMin = 3;

/** Chunks of one level: how many, and the size and first byte of each. */
export type ChunkLayout = {
  readonly count: number;
  sizeOf(index: number): number;
  startOf(index: number): number;
};

/** The layout of `size` bytes (3 or more) in chunks of at most `chunkMax`; only the last of three may be one byte longer. */
export function chunkLayout(size: number, chunkMax: number = plainChunkMax): ChunkLayout {
  if (!Number.isSafeInteger(size) || size < levelSizeMin) throw new RangeError(`a level has at least ${levelSizeMin} bytes, got ${size}`);
  const three = size < 3 * chunkMax;
  const step = three ? Math.floor(size / 3) : chunkMax;
  const count = three ? 3 : Math.ceil(size / chunkMax);
  return {
    count,
    sizeOf: (index) => (index === count - 1 ? size - step * (count - 1) : step),
    startOf: (index) => step * index,
  };
}

/** The two chunks whose source hashes enter the keys of chunk `index`, nearest first. */
export function neighbours(index: number, count: number): readonly [number, number] {
  return [(index + count - 1) % count, (index + count - 2) % count];
}
