// XOR with the 52-byte pad, thirteen words at a time: the one inner loop of self-encryption that is ours.

/** Bytes of a pad. Pieces that are worked on one after another have a multiple of it, so that each begins at its start. */
export const padLength = 52;

/** XORs `source` with the repeated pad into `target` (which may be the same memory), the pad beginning at byte `phase`. */
export function xorPad(source: Uint8Array, target: Uint8Array, pad: Uint32Array, phase = 0): void {
  const aligned = phase === 0 && (source.byteOffset | target.byteOffset) % 4 === 0;
  const wordsDone = aligned ? xorWords(source, target, pad) : 0;
  const padBytes = new Uint8Array(pad.buffer, pad.byteOffset, padLength);
  for (let i = wordsDone * 4; i < source.length; i += 1) target[i] = (source[i] ?? 0) ^ (padBytes[(i + phase) % padLength] ?? 0);
}

/** The whole pads within `source`; gives the words done. The thirteen pad words stay in registers. */
function xorWords(source: Uint8Array, target: Uint8Array, pad: Uint32Array): number {
  const count = Math.floor(source.length / padLength) * 13;
  const from = new Uint32Array(source.buffer, source.byteOffset, count);
  const to = new Uint32Array(target.buffer, target.byteOffset, count);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, j = 0, k = 0, l = 0, m = 0, n = 0] = pad;
  for (let i = 0; i < count; i += 13) {
    to[i] = (from[i] ?? 0) ^ a;
    to[i + 1] = (from[i + 1] ?? 0) ^ b;
    to[i + 2] = (from[i + 2] ?? 0) ^ c;
    to[i + 3] = (from[i + 3] ?? 0) ^ d;
    to[i + 4] = (from[i + 4] ?? 0) ^ e;
    to[i + 5] = (from[i + 5] ?? 0) ^ f;
    to[i + 6] = (from[i + 6] ?? 0) ^ g;
    to[i + 7] = (from[i + 7] ?? 0) ^ h;
    to[i + 8] = (from[i + 8] ?? 0) ^ j;
    to[i + 9] = (from[i + 9] ?? 0) ^ k;
    to[i + 10] = (from[i + 10] ?? 0) ^ l;
    to[i + 11] = (from[i + 11] ?? 0) ^ m;
    to[i + 12] = (from[i + 12] ?? 0) ^ n;
  }
  return count;
}
