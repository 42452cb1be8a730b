// Encrypts a whole object: its content, the maps above it until one has three entries, and the root.
import { addressFromBytes, objectAddress } from "../../protocol/address.ts";
import { hash } from "../../protocol/hash.ts";
import { type BufferPool, leasePatienceMs, unpooledLease } from "./buffer-pool.ts";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { type ChunkWork, localWork } from "./chunk-jobs.ts";
import type { ClientPace } from "./client-pace.ts";
import { type DataMap, mapSizeMax } from "./data-map.ts";
import { chunkLayout, plainChunkMax } from "./layout.ts";
import { encodeRoot, inlineSizeLimit, objectSalt, type Root, sealRoot } from "./root-map.ts";
import { chunkBufferLength } from "./sealed-chunk.ts";
import type { EncryptedObject, EncryptOptions, SealedChunk } from "./sealed-object.ts";
import { type LevelPlan, levelBuffersMin, writeLevel } from "./write-level.ts";

export type WriterParts = {
  readonly pool: BufferPool;
  readonly workers: ChunkWork;
  readonly signal: AbortSignal;
  /** Who gives the bytes, where that may be slow. */
  readonly client?: ClientPace;
};

/** Levels up to this many bytes are encrypted in the calling thread: a worker's round trip would cost more. */
export const localSizeMax: number = 64 * 1024;

/** Largest object, bytes: its map must fit what readers take. */
export const objectSizeMax: number = Math.floor(mapSizeMax / 80 - 1) * plainChunkMax;

export type TreeOptions = Pick<EncryptOptions, "mode" | "secret"> & {
  /** Objects below this many bytes lie in the root; at least 3, which the format cannot cut. */
  readonly inlineBelow?: number;
  /** Plain bytes of a chunk at most. */
  readonly chunkMax?: number;
  emit(chunk: SealedChunk): Promise<void>;
};

type LevelKind = Pick<LevelPlan, "level" | "saltOf">;

/** Encrypts `size` bytes (1 or more) of `source` up to its root, which is not stored yet. Rejects as `writeLevel` does. */
export async function writeTree(source: ByteSource, size: number, options: TreeOptions, parts: WriterParts): Promise<Root> {
  if (size < (options.inlineBelow ?? inlineSizeLimit)) return inlineRoot(source, size, options);
  let salt: Uint8Array | undefined;
  const saltOf = (firstHash: Uint8Array): Uint8Array | undefined => {
    if (options.secret !== undefined) salt ??= objectSalt(options.secret, size, firstHash);
    return salt;
  };
  const encrypt = (from: ByteSource, length: number, kind: LevelKind): Promise<DataMap> =>
    encryptLevel(from, length, kind, { options, parts });
  let map = await encrypt(source, size, { level: 0, saltOf });
  // A map of more than three entries becomes content itself, one level up. What lies inside is never shrunk on its own:
  // only this loop shrinks, and each map keeps the level its chunks were sealed at.
  for (let level = 1; map.count > 3; level += 1) map = await encrypt(memorySource(map.bytes), map.bytes.length, { level, saltOf });
  return { content: { kind: "map", map }, salt };
}

async function encryptLevel(
  source: ByteSource,
  size: number,
  kind: LevelKind,
  { options, parts }: { options: TreeOptions; parts: WriterParts },
): Promise<DataMap> {
  const layout = chunkLayout(size, options.chunkMax);
  const local = size <= localSizeMax;
  const length = chunkBufferLength(Math.max(layout.sizeOf(0), layout.sizeOf(layout.count - 1)));
  // What has come as far as its maps waits for the others, and its client for us.
  const terms = kind.level === 0 ? { patienceMs: leasePatienceMs, client: parts.client } : {};
  const buffers = local ? unpooledLease(length) : await parts.pool.lease(length, levelBuffersMin, parts.signal, terms);
  const work = local ? localWork : parts.workers;
  try {
    return await writeLevel(
      source,
      { ...kind, layout, mode: options.mode ?? "fast" },
      { work, buffers, signal: parts.signal, emit: options.emit },
    );
  } finally {
    buffers.end();
  }
}

async function inlineRoot(source: ByteSource, size: number, { secret }: TreeOptions): Promise<Root> {
  const content = new Uint8Array(size);
  await source.fill(content);
  await source.end();
  return { content: { kind: "inline", content }, salt: secret === undefined ? undefined : objectSalt(secret, size, hash(content)) };
}

/** Encrypts a whole object, its root included. Rejects as `writeLevel` does. */
export async function writeObject(source: ByteSource, options: EncryptOptions, parts: WriterParts): Promise<EncryptedObject> {
  let chunks = 0;
  // Index and level enter every key, so no two chunks of an object are the same: counting them counts distinct ones.
  const emit = (chunk: SealedChunk): Promise<void> => {
    chunks += 1;
    return options.onChunk(chunk);
  };
  const root = await writeTree(source, options.size, { ...options, emit }, parts);
  const bytes = encodeRoot(root);
  const { sealed, key } = options.public === true ? { sealed: bytes, key: undefined } : sealRoot(bytes);
  const address = addressFromBytes(hash(sealed));
  parts.signal.throwIfAborted();
  const plainBytes = root.content.kind === "inline" ? options.size : 0;
  await emit({ address, bytes: sealed, plainBytes, release: () => undefined });
  return { address: objectAddress(address, key), bytes: options.size, chunks };
}
