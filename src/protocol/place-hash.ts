// The first 64 bits of every place of a vault, without garbage: a node that goes or comes has hundreds of places, and as
// many native hashes leave buffers whose collection stops the process for tens of milliseconds. BLAKE3 in derive_key mode
// for inputs of one chunk, after the BLAKE3 paper, section 2; tests hold it to the native one.
import { strict as assert } from "node:assert";
import { addressBytes } from "./address.ts";
import { hashLength } from "./hash.ts";
import type { VaultName } from "./keys.ts";

/** Shows the first 64 bits of a place, as two unsigned 32-bit numbers. */
export type PlaceKeyVisitor = (high: number, low: number) => void;

const blockBytes = 64;
const chunkBytes = 1024;
const counterBytes = 4;
// Table 3 of the paper: flags of a compression.
const chunkStart = 1;
const chunkEnd = 2;
const root = 8;
const deriveContext = 32;
const deriveMaterial = 64;
const rounds = 7;
// Table 1: the initial value, that of SHA-256. Table 2: how a round's words are taken for the next.
const initial = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8] as const;
const schedule = Uint8Array.from(messageOrder());

// One computation at a time, never across an await: the state can be everybody's.
const state = new Int32Array(16);
const words = new Int32Array(blockBytes / 4);
const chaining = new Int32Array(8);

const contextKey = deriveContextKey("vaultfarm 2026-11 place");

/** Visits the first `count` places of a vault, as `places` gives them in full. `seed` is the network's. */
export function visitPlaceKeys(
  vault: { readonly name: VaultName; readonly count: number },
  seed: Uint8Array,
  visit: PlaceKeyVisitor,
): void {
  const input = new Uint8Array(hashLength + seed.length + counterBytes);
  input.set(addressBytes(vault.name));
  input.set(seed, hashLength);
  const counter = new DataView(input.buffer, input.length - counterBytes);
  for (let i = 0; i < vault.count; i++) {
    counter.setUint32(0, i);
    hashChunk(input, contextKey, deriveMaterial);
    visit(bigEndian(chaining[0]), bigEndian(chaining[1]));
  }
}

/** Leaves the first 32 bytes of the hash of an input of at most one chunk in `chaining`. */
function hashChunk(input: Uint8Array, key: Int32Array, mode: number): void {
  assert(input.length > 0 && input.length <= chunkBytes, "an input of one chunk");
  chaining.set(key);
  for (let offset = 0; offset < input.length; offset += blockBytes) {
    const length = Math.min(blockBytes, input.length - offset);
    readWords(input, offset, length);
    const last = offset + length === input.length ? chunkEnd | root : 0;
    compress(length, mode | last | (offset === 0 ? chunkStart : 0));
  }
}

function readWords(input: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < words.length; i++) words[i] = 0;
  for (let i = 0; i < length; i++) words[i >>> 2] = (words[i >>> 2] ?? 0) | ((input[offset + i] ?? 0) << (8 * (i & 3)));
}

/** Compresses `words`, `length` bytes of them filled, into `chaining`. The block counter is that of a first chunk: 0. */
function compress(length: number, flags: number): void {
  for (let i = 0; i < 8; i++) state[i] = chaining[i] ?? 0;
  for (let i = 0; i < 4; i++) state[8 + i] = initial[i] ?? 0;
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

function deriveContextKey(context: string): Int32Array {
  hashChunk(new TextEncoder().encode(context), initial, deriveContext);
  return chaining.slice();
}

/** A hash is bytes, little-endian words first to last; a key compares bytes from the first on. */
function bigEndian(word = 0): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
