// The face of self-encryption: a stream in, sealed chunks and an object address out, and the way back.
import { availableParallelism } from "node:os";
import type { ObjectAddress } from "../../protocol/address.ts";
import { type Clock, systemClock, type Timer } from "../../runtime/clock.ts";
import { ClientError } from "../errors.ts";
import type { OpenObject } from "../farm-client.ts";
import { createBufferPool } from "./buffer-pool.ts";
import { byteSource } from "./byte-source.ts";
import { createClientPace } from "./client-pace.ts";
import { fetchRoot, namedAbort, openObject, openTree, type PartsForRead } from "./read-object.ts";
import type { EncryptedObject, EncryptOptions, FetchChunk, SealedChunk } from "./sealed-object.ts";
import { createWorkerPool } from "./worker-pool.ts";
import { objectSizeMax, writeObject } from "./write-object.ts";

export type SelfEncryptor = {
  /** Resolves once every `onChunk` has. Rejects with a ClientError (`empty`, `too-large`, `wrong-size`, `busy`, `too-slow`, `aborted`, `stopped`) or the source's or `onChunk`'s own error. */
  encrypt(source: AsyncIterable<Uint8Array>, options: EncryptOptions): Promise<EncryptedObject>;
  /** Reads the root map and those below it. Rejects with a ClientError (`damaged`, `key-needed`, `wrong-key`, `aborted`, `stopped`) or the fetch's own error. */
  open(address: ObjectAddress, fetch: FetchChunk, signal?: AbortSignal): Promise<OpenObject>;
  /** Ends the workers; operations under way reject with `stopped`. */
  stop(): Promise<void>;
};

export type SelfEncryptorOptions = {
  /** Worker threads at most; default 2, or the machine's cores where fewer. */
  readonly workers?: number;
  /** Bytes of chunk buffers; default 20 MiB. */
  readonly memoryMax?: number;
  /** For the time after which idle workers and buffers are let go. */
  readonly clock?: Clock;
};

const memoryMaxDefault: number = 20 * 1024 * 1024;
const workersDefault = 2;
/** Idle time after which workers and buffers go: longer than between the parts of one upload, short beside a quiet hour. */
const idleMs = 10_000;
const secretLength = 32;

function checkOptions(options: EncryptOptions): void {
  if (options.size === 0) throw new ClientError("empty", "there is nothing to store: the source is empty");
  if (!Number.isSafeInteger(options.size) || options.size < 0)
    throw new ClientError("wrong-size", `a source cannot have ${options.size} bytes`);
  if (options.size > objectSizeMax) throw new ClientError("too-large", `${options.size} bytes; an object has at most ${objectSizeMax}`);
  if (options.secret !== undefined && options.secret.length !== secretLength) {
    throw new RangeError(`a convergence secret has ${secretLength} bytes, got ${options.secret.length}`);
  }
}

/** A self-encryptor with its own workers and buffers, none of which exist before they are needed. */
export function createSelfEncryptor(options: SelfEncryptorOptions = {}): SelfEncryptor {
  const clock = options.clock ?? systemClock;
  const pool = createBufferPool(options.memoryMax ?? memoryMaxDefault, clock);
  const workers = createWorkerPool(options.workers ?? Math.min(workersDefault, availableParallelism()));
  const stopping = new AbortController();
  let busy = 0;
  let idle: Timer | undefined;

  const signalWith = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]);
  const begin = (): void => {
    stopping.signal.throwIfAborted();
    busy += 1;
    idle?.cancel();
  };
  const done = (): void => {
    busy -= 1;
    if (busy > 0) return;
    idle = clock.after(idleMs, () => {
      pool.trim();
      workers.trim();
    });
  };

  return {
    encrypt: async (source, encryptOptions) => {
      checkOptions(encryptOptions);
      begin();
      const signal = signalWith(encryptOptions.signal);
      // A chunk that is not taken ends the waiting for the source too, which may stand still.
      const refused = new AbortController();
      const client = createClientPace(clock, (why) => refused.abort(why));
      const bytes = byteSource(source, encryptOptions.size, AbortSignal.any([signal, refused.signal]), client);
      const onChunk = async (chunk: SealedChunk): Promise<void> => {
        try {
          await encryptOptions.onChunk(chunk);
        } catch (error) {
          refused.abort(error);
          throw error;
        }
      };
      try {
        return await writeObject(bytes, { ...encryptOptions, onChunk }, { pool, workers, signal, client });
      } catch (error) {
        throw namedAbort(error, signal);
      } finally {
        bytes.close();
        done();
      }
    },
    open: async (address, fetch, openSignal) => {
      begin();
      const partsFor: PartsForRead = (signal, tooSlow) => {
        const read = { pool, workers, fetch, signal: signalWith(signal) };
        if (tooSlow === undefined) return read;
        const cut = new AbortController();
        const client = createClientPace(clock, (why) => {
          cut.abort(why);
          tooSlow(why);
        });
        return { ...read, signal: AbortSignal.any([read.signal, cut.signal]), client };
      };
      const parts = partsFor(openSignal);
      try {
        const reader = await openTree(await fetchRoot(address, parts), parts);
        return openObject(reader, partsFor, { begin, done });
      } catch (error) {
        throw namedAbort(error, parts.signal);
      } finally {
        done();
      }
    },
    stop: async () => {
      idle?.cancel();
      stopping.abort(new ClientError("stopped", "self-encryption is stopping"));
      await workers.stop();
      pool.trim();
    },
  };
}
