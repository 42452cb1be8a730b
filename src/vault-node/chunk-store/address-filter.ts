// Which addresses a set may hold: a Bloom filter (Burton Bloom, 1970). "No" is certain, "yes" is wrong about once in a
// hundred. An address is a hash already, so its own bits say where to look.

export type AddressFilter = {
  readonly bytes: Uint8Array;
  /** Adds the address whose 32 bytes stand in `source` at `at`. */
  add(source: Buffer, at: number): void;
  mayHold(source: Buffer, at: number): boolean;
};

// With 10 bits an address six looks are wrong 0.9 times in a hundred; the best number, seven, gains nothing to speak of.
const bitsPerAddress = 10;
const looks = 6;

/** Bytes of a filter for `count` addresses. */
export function filterBytes(count: number): number {
  return Math.max(8, Math.ceil((count * bitsPerAddress) / 8));
}

/** The filter with these bits, all zero for an empty one. */
export function createAddressFilter(bytes: Uint8Array): AddressFilter {
  const scale = (bytes.length * 8) / 2 ** 32;
  // Two words of the address make all looks (Kirsch and Mitzenmacher, 2006).
  const bitAt = (first: number, step: number, look: number): number => Math.floor(((first + look * step) >>> 0) * scale);
  return {
    bytes,
    add: (source, at) => {
      const [first, step] = [source.readUInt32LE(at + 8), source.readUInt32LE(at + 16)];
      for (let look = 0; look < looks; look += 1) {
        const bit = bitAt(first, step, look);
        bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
      }
    },
    mayHold: (source, at) => {
      const [first, step] = [source.readUInt32LE(at + 8), source.readUInt32LE(at + 16)];
      for (let look = 0; look < looks; look += 1) {
        const bit = bitAt(first, step, look);
        if (((bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
      }
      return true;
    },
  };
}
