// BLAKE3 of inputs of one chunk, computed without garbage: for what is hashed by the thousand a second, where the buffers
// that native hashes leave behind would stop the thread to be collected. After the BLAKE3 paper, section 2; tests hold it
// to the native one.
import { strict as assert } from "node:assert";

const blockBytes = 64;
/** Longest input, bytes: one chunk of the paper, so that no tree is needed. */
export const shortInputMax = 1024;
// Table 3 of the paper: flags of a compression.
const chunkStart = 1;
const chunkEnd = 2;
const root = 8;
/** The paper's three modes that take a key; `deriveContext` takes `initialKey`. */
export const keyedMode = 16;
export const deriveContextMode = 32;
export const deriveMaterialMode = 64;
const rounds = 7;
/** Table 1: the initial value, that of SHA-256. */
export const initialKey: Int32Array = Int32Array.of(
  ...[0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
);
// Table 2: how a round's words are taken for the next.
const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8] as const;
const schedule = Uint8Array.from(messageOrder());

// One computation at a time, never across an await: the state can be everybody's.
const state = new Int32Array(16);
const words = new Int32Array(blockBytes / 4);
const chaining = new Int32Array(8);

/**
 * The first 32 bytes of the hash of the first `size` bytes of an input, 1 to `shortInputMax`, as little-endian words under a
 * key of eight. The words are valid until the next call.
 */
export function shortHash(input: Uint8Array, size: number, key: Int32Array, mode: number): Int32Array {
  assert(size > 0 && size <= shortInputMax && size <= input.length, "an input of one chunk");
  for (let i = 0; i < 8; i++) chaining[i] = key[i] ?? 0;
  for (let offset = 0; offset < size; offset += blockBytes) {
    const length = Math.min(blockBytes, size - offset);
    readWords(input, offset, length);
    const last = offset + length === size ? chunkEnd | root : 0;
    compress(length, mode | last | (offset === 0 ? chunkStart : 0));
  }
  return chaining;
}

function readWords(input: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < words.length; i++) words[i] = 0;
  for (let i = 0; i < length; i++) words[i >>> 2] = (words[i >>> 2] ?? 0) | ((input[offset + i] ?? 0) << (8 * (i & 3)));
}

/** Compresses `words`, `length` bytes of them filled, into `chaining`. The block counter is that of a first chunk: 0. */
function compress(length: number, flags: number): void {
  for (let i = 0; i < 8; i++) state[i] = chaining[i] ?? 0;
  for (let i = 0; i < 4; i++) state[8 + i] = initialKey[i] ?? 0;
  state[12] = 0;
  state[13] = 0;
  state[14] = length;
  state[15] = flags;
  for (let round = 0; round < rounds; round++) {
    const at = round * 16;
    // Columns, then diagonals.
    for (let i = 0; i < 4; i++) mix(i, 0, at + 2 * i);
    for (let i = 0; i < 4; i++) mix(i, 1, at + 8 + 2 * i);
  }
  for (let i = 0; i < 8; i++) chaining[i] = (state[i] ?? 0) ^ (state[i + 8] ?? 0);
}

/** The paper's G on four words of the state, each a row down and `shift` columns on, with the two message words that the schedule names at `at`. */
function mix(a: number, shift: number, at: number): void {
  const b = 4 + ((a + shift) & 3);
  const c = 8 + ((a + 2 * shift) & 3);
  const d = 12 + ((a + 3 * shift) & 3);
  let va = state[a] ?? 0;
  let vb = state[b] ?? 0;
  let vc = state[c] ?? 0;
  let vd = state[d] ?? 0;
  va = (va + vb + (words[schedule[at] ?? 0] ?? 0)) | 0;
  vd = rotated(vd ^ va, 16);
  vc = (vc + vd) | 0;
  vb = rotated(vb ^ vc, 12);
  va = (va + vb + (words[schedule[at + 1] ?? 0] ?? 0)) | 0;
  vd = rotated(vd ^ va, 8);
  vc = (vc + vd) | 0;
  vb = rotated(vb ^ vc, 7);
  state[a] = va;
  state[b] = vb;
  state[c] = vc;
  state[d] = vd;
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function messageOrder(): readonly number[] {
  let order: readonly number[] = permutation.map((_, i) => i);
  const all = [...order];
  for (let round = 1; round < rounds; round++) {
    order = permutation.map((from) => order[from] ?? 0);
    all.push(...order);
  }
  return all;
}
