// The three jobs on a chunk that cost time, as plain data so that a worker can do them, and the thread that calls as well.
import { hash } from "../../protocol/hash.ts";
import type { WriterMode } from "./compression.ts";
import type { MapEntry } from "./data-map.ts";
import type { ChunkKeyInput } from "./key-derivation.ts";
import { type Opened, openChunk, plainPlace, type Sealed, sealChunk } from "./sealed-chunk.ts";

export type HashJob = { readonly kind: "hash"; readonly buffer: Uint8Array; readonly length: number };
export type SealJob = {
  readonly kind: "seal";
  readonly buffer: Uint8Array;
  readonly length: number;
  readonly input: ChunkKeyInput;
  readonly mode: WriterMode;
};
/** `sealed` and `target` may begin at the same memory. */
export type OpenJob = {
  readonly kind: "open";
  readonly sealed: Uint8Array;
  readonly target: Uint8Array;
  readonly entry: MapEntry;
  readonly input: ChunkKeyInput;
};
export type ChunkJob = HashJob | SealJob | OpenJob;

/** Who does the jobs: this thread or workers. `buffer`s belong to the job until its promise settles. */
export type ChunkWork = {
  /** The source hash of the plain bytes that lie at `plainPlace`. */
  hash(job: HashJob): Promise<Uint8Array>;
  seal(job: SealJob): Promise<Sealed>;
  open(job: OpenJob): Promise<Opened>;
};

export function runHash(job: HashJob): Uint8Array {
  return hash(plainPlace(job.buffer, job.length));
}
export function runSeal(job: SealJob): Sealed {
  return sealChunk(job.buffer, job.length, job.input, job.mode);
}
export function runOpen(job: OpenJob): Opened {
  return openChunk(job.sealed, job.target, job.entry, job.input);
}

/** The jobs done at once in the calling thread: for small chunks, where a worker's round trip costs more. */
export const localWork: ChunkWork = {
  hash: async (job) => runHash(job),
  seal: async (job) => runSeal(job),
  open: async (job) => runOpen(job),
};
