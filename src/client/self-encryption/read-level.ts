// Decrypts a run of neighbouring chunks of one level, a few ahead of the reader, in order and in bounded memory.
import { addressFromBytes } from "../../protocol/address.ts";
import { ClientError } from "../errors.ts";
import { type BufferLease, type BufferPool, leasePatienceMs, unpooledLease } from "./buffer-pool.ts";
import { type ChunkWork, localWork } from "./chunk-jobs.ts";
import type { ClientPace } from "./client-pace.ts";
import { type DataMap, mapEntry } from "./data-map.ts";
import type { ChunkKeyInput } from "./key-derivation.ts";
import { neighbours } from "./layout.ts";
import { chunkBufferLength, type Damage } from "./sealed-chunk.ts";
import type { FetchChunk, FetchedChunk } from "./sealed-object.ts";

/** A level as its reader knows it. */
export type LevelMap = { readonly map: DataMap; readonly level: number; readonly salt: Uint8Array | undefined };

export type ReaderParts = {
  readonly pool: BufferPool;
  readonly workers: ChunkWork;
  readonly fetch: FetchChunk;
  readonly signal: AbortSignal;
  /** Who takes the bytes, where that may be slow and can be ended. */
  readonly client?: ClientPace;
};

/** Plain bytes of one chunk, valid until `release`. */
export type PlainChunk = { readonly bytes: Uint8Array; release(): void };

/** Chunks fetched and decrypted beside the one being read. */
const readAheadMax = 3;
/** Chunks up to this many bytes are decrypted in the calling thread. */
const localChunkMax: number = 64 * 1024;

const damageText: Record<Damage, string> = {
  address: "its bytes do not have this address",
  tag: "it was not sealed with the keys that follow from the map",
  stream: "it holds no Brotli stream of the declared size",
  size: "it holds fewer bytes than the map declares",
  "source-hash": "its content is not what the map names",
};

/** The chunks `first` to `last` of a level in order. The consumer releases each; leaving early ends what was begun ahead. Throws a ClientError (`damaged`) or the fetch's error. */
export async function* readLevel(from: LevelMap, first: number, last: number, parts: ReaderParts): AsyncGenerator<PlainChunk> {
  const controller = new AbortController();
  const signal = AbortSignal.any([parts.signal, controller.signal]);
  let sizeMax = 0;
  for (let index = first; index <= last; index += 1) sizeMax = Math.max(sizeMax, mapEntry(from.map, index).size);
  const local = sizeMax <= localChunkMax;
  const length = chunkBufferLength(sizeMax);
  const terms = { patienceMs: leasePatienceMs, client: parts.client };
  const buffers = local ? unpooledLease(length) : await parts.pool.lease(length, 1, signal, terms);
  const load = (index: number, buffer: Uint8Array): Promise<PlainChunk> =>
    openOne(from, index, buffer, { ...parts, signal, buffers, workers: local ? localWork : parts.workers });
  const ahead: Promise<PlainChunk>[] = [];
  let next = first;
  try {
    while (next <= last || ahead.length > 0) {
      while (next <= last && ahead.length <= readAheadMax) {
        const buffer = ahead.length === 0 ? await buffers.take(signal) : buffers.tryTake();
        if (buffer === undefined) break;
        const chunk = load(next, buffer);
        chunk.catch(() => undefined);
        ahead.push(chunk);
        next += 1;
      }
      signal.throwIfAborted();
      const chunk = ahead.shift();
      if (chunk !== undefined) yield await chunk;
    }
  } finally {
    controller.abort(new ClientError("aborted", "the reader left early"));
    for (const chunk of ahead)
      chunk.then(
        ({ release }) => release(),
        () => undefined,
      );
    buffers.end();
  }
}

type OpenParts = ReaderParts & { readonly buffers: BufferLease };

function keyInput({ map, level, salt }: LevelMap, index: number): ChunkKeyInput {
  const [before, beforeThat] = neighbours(index, map.count);
  // Copies: views of a large map would travel to the worker as the whole map.
  const hashOf = (which: number): Uint8Array => mapEntry(map, which).sourceHash.slice();
  return { hashes: [hashOf(index), hashOf(before), hashOf(beforeThat)], index, level, ...(salt === undefined ? {} : { salt }) };
}

async function openOne(from: LevelMap, index: number, buffer: Uint8Array, parts: OpenParts): Promise<PlainChunk> {
  let released = false;
  const release = (): void => {
    if (!released) parts.buffers.give(buffer);
    released = true;
  };
  try {
    const entry = mapEntry(from.map, index);
    const address = addressFromBytes(entry.address);
    const fetched = await parts.fetch(address, parts.signal);
    const copied = { address: entry.address.slice(), sourceHash: entry.sourceHash.slice(), size: entry.size };
    const { opened, target } = await open(fetched, buffer, { entry: copied, input: keyInput(from, index) }, parts.workers);
    if (opened.kind === "damaged")
      throw new ClientError("damaged", `chunk ${index} of level ${from.level}: ${damageText[opened.why]}`, { chunk: address });
    return { bytes: target.subarray(opened.start, opened.start + entry.size), release };
  } catch (error) {
    release();
    throw error;
  }
}

type Expected = { readonly entry: { address: Uint8Array; sourceHash: Uint8Array; size: number }; readonly input: ChunkKeyInput };
type OpenedIn = { readonly opened: Awaited<ReturnType<ChunkWork["open"]>>; readonly target: Uint8Array };

/** Opens fetched bytes where they can be opened without a copy: shared ones into `buffer`, others moved there first. */
async function open(fetched: FetchedChunk, buffer: Uint8Array, expected: Expected, work: ChunkWork): Promise<OpenedIn> {
  try {
    const { bytes } = fetched;
    // A foreign encoder may have let an incompressible chunk grow beyond what our buffers foresee.
    if (bytes.length > buffer.length) {
      const target = new Uint8Array(bytes.length + expected.entry.size);
      return { opened: await localWork.open({ kind: "open", sealed: bytes, target, ...expected }), target };
    }
    const sharedAlready = work === localWork || bytes.buffer instanceof SharedArrayBuffer;
    if (!sharedAlready) buffer.set(bytes);
    const sealed = sharedAlready ? bytes : buffer.subarray(0, bytes.length);
    return { opened: await work.open({ kind: "open", sealed, target: buffer, ...expected }), target: buffer };
  } finally {
    fetched.release();
  }
}
