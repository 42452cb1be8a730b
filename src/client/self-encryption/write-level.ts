// Encrypts one level (content, or the map of the level below): reads, hashes and seals its chunks, as many at a time as
// there are buffers, and gives their map.
import { addressFromBytes } from "../../protocol/address.ts";
import type { BufferLease } from "./buffer-pool.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ChunkWork } from "./chunk-jobs.ts";
import type { WriterMode } from "./compression.ts";
import { type DataMap, draftMap, setEntry } from "./data-map.ts";
import type { ChunkLayout } from "./layout.ts";
import { plainPlace } from "./sealed-chunk.ts";
import type { SealedChunk } from "./sealed-object.ts";
import { createTaskSet, type TaskSet } from "./task-set.ts";

/** `saltOf`: the salt of the object's chunks from the source hash of the first. */
export type LevelPlan = {
  readonly layout: ChunkLayout;
  readonly level: number;
  readonly mode: WriterMode;
  saltOf(firstHash: Uint8Array): Uint8Array | undefined;
};

export type LevelParts = {
  readonly work: ChunkWork;
  readonly buffers: BufferLease;
  readonly signal: AbortSignal;
  emit(chunk: SealedChunk): Promise<void>;
};

type Hash = Promise<Uint8Array>;
type Pending = { readonly index: number; readonly buffer: Uint8Array; readonly hash: Hash };

/** Buffers a level must have: chunks 0 and 1 wait for the last hashes while the others pass through the third. */
export const levelBuffersMin = 3;

/**
 * Encrypts the bytes of `source`; resolves with their map once every chunk was emitted and taken. Rejects with the first
 * failure, after everything under way has ended.
 */
export async function writeLevel(source: ByteSource, plan: LevelPlan, parts: LevelParts): Promise<DataMap> {
  const map = draftMap(plan.layout.count, plan.level === 0 ? undefined : plan.level);
  const tasks = createTaskSet(parts.signal);
  try {
    await readChunks(source, plan, { ...parts, signal: tasks.signal, map, tasks });
  } catch (error) {
    tasks.fail(error);
  }
  await tasks.settled();
  return map;
}

type Run = LevelParts & { readonly map: DataMap; readonly tasks: TaskSet };

async function readChunks(source: ByteSource, plan: LevelPlan, run: Run): Promise<void> {
  const { layout } = plan;
  const held: Pending[] = [];
  try {
    let before: Hash | undefined;
    let beforeThat: Hash | undefined;
    for (let index = 0; index < layout.count; index += 1) {
      const chunk = await readChunk(source, index, plan, run);
      held.push(chunk);
      if (index >= 2 && before !== undefined && beforeThat !== undefined) {
        held.pop();
        finish(chunk, [chunk.hash, before, beforeThat], held[0]?.hash ?? chunk.hash, { plan, run });
      }
      [before, beforeThat] = [chunk.hash, before];
    }
    await source.end();
    const [first, second] = held.splice(0);
    if (first === undefined || second === undefined || before === undefined || beforeThat === undefined)
      throw new RangeError("a level has at least three chunks");
    finish(first, [first.hash, before, beforeThat], first.hash, { plan, run });
    finish(second, [second.hash, first.hash, before], first.hash, { plan, run });
  } finally {
    // After a failure the first two chunks may still be in a worker's hands.
    for (const { hash, buffer } of held) {
      const give = (): void => run.buffers.give(buffer);
      run.tasks.add(hash.then(give, give));
    }
  }
}

async function readChunk(source: ByteSource, index: number, plan: LevelPlan, run: Run): Promise<Pending> {
  const buffer = await run.buffers.take(run.signal);
  const length = plan.layout.sizeOf(index);
  try {
    await source.fill(plainPlace(buffer, length));
  } catch (error) {
    run.buffers.give(buffer);
    throw error;
  }
  const hash = run.work.hash({ kind: "hash", buffer, length });
  hash.catch(() => undefined);
  return { index, buffer, hash };
}

/** Seals and emits a chunk once its neighbours' hashes are there. */
function finish(chunk: Pending, hashes: readonly [Hash, Hash, Hash], first: Hash, { plan, run }: { plan: LevelPlan; run: Run }): void {
  run.tasks.add(sealAndEmit(chunk, hashes, first, { plan, run }));
}

async function sealAndEmit(
  { index, buffer }: Pending,
  hashes: readonly [Hash, Hash, Hash],
  first: Hash,
  { plan, run }: { plan: LevelPlan; run: Run },
): Promise<void> {
  let released = false;
  let isTheirs = false;
  const release = (): void => {
    if (released) return;
    released = true;
    run.buffers.give(buffer);
  };
  try {
    const [own, before, beforeThat] = await Promise.all(hashes);
    const salt = plan.saltOf(await first);
    const length = plan.layout.sizeOf(index);
    const input = { hashes: [own, before, beforeThat] as const, index, level: plan.level, ...(salt === undefined ? {} : { salt }) };
    run.signal.throwIfAborted();
    const sealed = await run.work.seal({ kind: "seal", buffer, length, input, mode: plan.mode });
    setEntry(run.map, index, { address: sealed.address, sourceHash: own, size: length });
    run.signal.throwIfAborted();
    const plainBytes = plan.level === 0 ? length : 0;
    isTheirs = true;
    await run.emit({ address: addressFromBytes(sealed.address), bytes: buffer.subarray(0, sealed.length), plainBytes, release });
  } catch (error) {
    // Who was given the chunk may still send it, also where it rejects: the next upload's plain text must not come into this memory.
    if (!isTheirs) release();
    throw error;
  }
}
