// Whether a chunk is worth compressing, guessed from samples by counting alone: no encoder runs (starting one costs tens of
// MiB a worker), and the answer is the same in every release of it. Pure.

// Four samples spread over the chunk: enough to meet both kinds in a mixed file, about 2 % of a chunk's time.
const sampleCount = 4;
const sampleLength: number = 8 * 1024;
/** Samples in all; chunks no longer than this are not sampled but tried. */
export const sampledLength: number = sampleCount * sampleLength;
/** Bytes are uneven when the sum of their squared counts passes that of even ones by a tenth (random samples: by a hundredth). */
const unevenFactor = 1.1;
/** Sequences come again when one in this many positions has four bytes seen before in the samples (random samples: none). */
const positionsPerRepeat = 64;

const tableBits = 12;
/** Spreads sequences over the table: 2^32 divided by the golden ratio. */
const multiplier = 0x9e3779b1;

/** Whether the samples of `plain` have uneven bytes or repeated sequences. Needs at least `sampledLength` bytes. */
export function looksCompressible(plain: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  const table = new Uint32Array(2 ** tableBits);
  const gap = Math.floor((plain.length - sampleLength) / (sampleCount - 1));
  let repeats = 0;
  for (let sample = 0; sample < sampleCount; sample += 1)
    repeats += tally(plain.subarray(sample * gap, sample * gap + sampleLength), counts, table);
  const squares = counts.reduce((sum, count) => sum + count * count, 0);
  return squares > (unevenFactor * sampledLength * sampledLength) / 256 || repeats * positionsPerRepeat > sampledLength;
}

/** Counts the bytes of a sample; gives the positions whose four bytes the table has just seen. */
function tally(sample: Uint8Array, counts: Uint32Array, table: Uint32Array): number {
  let repeats = 0;
  let word = 0;
  for (let at = 0; at < sample.length; at += 1) {
    const byte = sample[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
    word = ((word >>> 8) | (byte << 24)) >>> 0;
    const slot = Math.imul(word, multiplier) >>> (32 - tableBits);
    if (table[slot] === word) repeats += 1;
    else table[slot] = word;
  }
  return repeats;
}
