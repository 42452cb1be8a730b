// Puts an object: encrypts it and stores its chunks as they come; a small object's chunks are stored together, so that
// all that go to one node travel in one message.

import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { beginChunkPut, type ChunkPut, type ChunkPutParts, type ChunkToPut, type PutStanding } from "./chunk-put.ts";
import type { CopiesLedger } from "./copies-ledger.ts";
import { ClientError } from "./errors.ts";
import type { PutObjectOptions, PutProgress, StoredObject } from "./farm-client.ts";
import type { SealedChunk } from "./self-encryption/sealed-object.ts";
import type { SelfEncryptor } from "./self-encryption/self-encryptor.ts";
import { type SpoolRoom, spool } from "./spool.ts";

export type ObjectPutParts = ChunkPutParts & {
  readonly encryptor: Pick<SelfEncryptor, "encrypt">;
  readonly ledger: CopiesLedger;
  readonly spoolDir: string;
  readonly spoolRoom?: SpoolRoom;
};

type Source = AsyncIterable<Uint8Array>;
/** What has been stored of an object so far. */
type Tally = {
  chunks: number;
  confirmed: number;
  bytes: number;
  copiesMin: number;
  copiesMax: number;
  /** Plain bytes of chunks sent or being sent. */
  placed: number;
  sentChunks: number;
  sentBytes: number;
};
type Run = {
  readonly parts: ObjectPutParts;
  readonly signal: AbortSignal;
  readonly tally: Tally;
  readonly report: (phase: PutProgress["phase"]) => void;
  readonly place: (bytes: number) => void;
};

/** Puts the bytes of `source`. Rejects with a `ClientError`, or what the source throws. */
export async function putObject(parts: ObjectPutParts, source: Source, options: PutObjectOptions): Promise<StoredObject> {
  const sizeMax = options.sizeMax ?? parts.limits.objectSizeMax;
  const { size } = options;
  if (size !== undefined && size > sizeMax)
    throw new ClientError("too-large", `${size} bytes; an object has at most ${sizeMax} bytes here`);
  // One signal for everything of this put: a chunk that fails ends the others.
  const failing = new AbortController();
  const signals = [failing.signal, parts.stopping, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  try {
    signal.throwIfAborted();
    if (size !== undefined) return await putSized(parts, source, { size, signal, options });
    const { limits, spoolDir: directory, spoolRoom: room } = parts;
    const spooled = await spool(source, {
      ...{ directory, memoryMax: limits.spoolMemoryMax, sizeMax, signal },
      ...(room === undefined ? {} : { room }),
    });
    try {
      return await putSized(parts, spooled.source, { size: spooled.size, signal, options });
    } finally {
      await spooled.close();
    }
  } catch (error) {
    const cause = signal.aborted && !(error instanceof ClientError) ? abortedError(signal) : error;
    failing.abort(cause);
    throw cause;
  }
}

function abortedError({ reason }: AbortSignal): ClientError {
  return reason instanceof ClientError ? reason : new ClientError("aborted", "given up by the caller", { cause: reason });
}

type SizedPut = { readonly size: number; readonly signal: AbortSignal; readonly options: PutObjectOptions };

async function putSized(parts: ObjectPutParts, source: Source, { size, signal, options }: SizedPut): Promise<StoredObject> {
  const tally: Tally = {
    chunks: 0,
    confirmed: 0,
    bytes: 0,
    copiesMin: Number.POSITIVE_INFINITY,
    copiesMax: 0,
    placed: 0,
    sentChunks: 0,
    sentBytes: 0,
  };
  const report = (phase: PutProgress["phase"]): void =>
    options.onProgress?.({ phase, bytes: tally.bytes, bytesTotal: size, chunksConfirmed: tally.confirmed, chunks: tally.chunks });
  const place = (bytes: number): void => {
    tally.placed += bytes;
    options.onPlaced?.(tally.placed);
  };
  const run: Run = { parts, signal, tally, report, place };
  const encryption = { size, signal, ...(options.public === true ? { public: true } : {}) };
  const encrypted =
    size <= parts.limits.smallObjectMax
      ? await putSmall(run, (onChunk) => parts.encryptor.encrypt(source, { ...encryption, onChunk }))
      : await parts.encryptor.encrypt(source, { ...encryption, onChunk: (chunk) => putSealed(run, chunk, true) });
  report("done");
  return {
    address: encrypted.address,
    bytes: encrypted.bytes,
    chunks: encrypted.chunks,
    copies: { min: tally.copiesMin, max: tally.copiesMax },
    sent: { chunks: tally.sentChunks, bytes: tally.sentBytes },
  };
}

/** Collects all chunks, then stores them in one turn of the event loop, which is what lets them share messages. */
async function putSmall<T>(run: Run, encrypt: (onChunk: (chunk: SealedChunk) => Promise<void>) => Promise<T>): Promise<T> {
  const collected: SealedChunk[] = [];
  const encrypted = await encrypt(async (chunk) => {
    // A copy, so that nothing waits for a buffer; at most 64 KiB an object.
    collected.push({ ...chunk, bytes: new Uint8Array(chunk.bytes), release: () => {} });
    chunk.release();
  });
  await Promise.all(collected.map((chunk) => putSealed(run, chunk, false)));
  return encrypted;
}

async function putSealed(run: Run, chunk: SealedChunk, probe: boolean): Promise<void> {
  const { parts, tally, signal, report, place } = run;
  tally.chunks += 1;
  tally.bytes += chunk.plainBytes;
  const put = beginChunkPut(parts, { address: chunk.address, bytes: chunk.bytes, probe }, signal);
  void put.finished.then(() => chunk.release());
  place(chunk.plainBytes);
  report("encrypting");
  const { holders, sent } = await acknowledged(parts, chunk, put);
  tally.confirmed += 1;
  tally.copiesMin = Math.min(tally.copiesMin, holders.length);
  tally.copiesMax = Math.max(tally.copiesMax, holders.length);
  if (sent) {
    tally.sentChunks += 1;
    tally.sentBytes += chunk.bytes.length;
  } else place(-chunk.plainBytes);
  report("storing");
}

/** Puts one chunk and resolves once it is acknowledged; its holders go into the ledger then, and again when nothing more happens. */
export async function putOneChunk(parts: ObjectPutParts, chunk: ChunkToPut, signal: AbortSignal): Promise<PutStanding> {
  return acknowledged(parts, chunk, beginChunkPut(parts, chunk, signal));
}

async function acknowledged(parts: ObjectPutParts, { address }: { address: Address }, put: ChunkPut): Promise<PutStanding> {
  const standing = await put.acknowledged;
  const note = (holders: readonly PeerId[]): void => parts.ledger.note(address, holders);
  note(standing.holders);
  void put.finished.then(({ holders }) => note(holders));
  return standing;
}
