// Objects by their address for readers: opened once however many ask, small ones kept whole in memory under their full
// address, so that only who has the key finds them.
import type { ByteRange, FarmClient, OpenObject } from "../client/farm-client.ts";
import type { ObjectAddress } from "../protocol/address.ts";
import type { ByteCache } from "./chunk-cache.ts";
import { createSingleFlight } from "./chunk-cache.ts";
import { GatewayError } from "./errors.ts";
import { wholeObjectMax } from "./limits.ts";
import type { GatewayMetrics } from "./metrics.ts";

/** An object ready to be sent: whole where it is small, otherwise to be read as it is sent. */
export type WholeObject = { readonly kind: "whole"; readonly bytes: number; readonly content: Buffer };
export type ReadableObject = WholeObject | { readonly kind: "stream"; readonly bytes: number; readonly object: OpenObject };

export type ObjectReader = {
  /** The object in the cache, at once; undefined where it has to be fetched, or where there can be none of this address. */
  cached(address: string): WholeObject | undefined;
  /** Rejects with the client's error. */
  open(address: ObjectAddress, signal: AbortSignal): Promise<ReadableObject>;
  /** The size alone: nothing but the root is fetched. */
  size(address: ObjectAddress, signal: AbortSignal): Promise<number>;
};

export type ObjectReaderParts = {
  readonly client: Pick<FarmClient, "openObject">;
  readonly cache: ByteCache<Buffer>;
  readonly metrics: Pick<GatewayMetrics, "cacheReads">;
};

const hit = { cache: "objects", result: "hit" } as const;
const miss = { cache: "objects", result: "miss" } as const;

/** A reader over `client` that keeps small objects in `cache`. */
export function createObjectReader({ client, cache, metrics }: ObjectReaderParts): ObjectReader {
  const join = createSingleFlight<ReadableObject>();
  const load = async (address: ObjectAddress, signal: AbortSignal): Promise<ReadableObject> => {
    const object = await client.openObject(address, signal);
    if (object.bytes > wholeObjectMax) return { kind: "stream", bytes: object.bytes, object };
    const content = await readAll(object, signal);
    cache.put(address, content);
    return { kind: "whole", bytes: content.length, content };
  };
  const cached = (address: string): WholeObject | undefined => {
    const content = cache.get(address);
    if (content === undefined) return undefined;
    metrics.cacheReads.add(hit);
    return { kind: "whole", bytes: content.length, content };
  };
  return {
    cached,
    open: (address, signal) => {
      metrics.cacheReads.add(miss);
      return join(address, (shared) => load(address, shared), signal);
    },
    size: async (address, signal) => {
      const known = cached(address);
      if (known !== undefined) return known.bytes;
      metrics.cacheReads.add(miss);
      return (await client.openObject(address, signal)).bytes;
    },
  };
}

async function readAll(object: OpenObject, signal: AbortSignal): Promise<Buffer> {
  // Of its own memory: out of the common pool a small one would keep 8 KiB alive.
  const content = Buffer.from(new ArrayBuffer(object.bytes));
  let filled = 0;
  for await (const piece of exactly(object, { start: 0, end: object.bytes }, signal)) {
    content.set(piece, filled);
    filled += piece.length;
  }
  return content;
}

/**
 * The bytes of `range`, never fewer and never more: a source that ends early is an error, so that no short body looks
 * complete. A piece may be read until the next is asked for, or `tooSlow` is called.
 */
export async function* exactly(
  object: OpenObject,
  range: ByteRange,
  signal: AbortSignal,
  tooSlow?: () => void,
): AsyncGenerator<Uint8Array> {
  let left = range.end - range.start;
  if (left === 0) return;
  for await (const piece of object.lend(range, signal, tooSlow)) {
    left -= piece.length;
    if (left < 0) break;
    yield piece;
  }
  if (left !== 0) throw new GatewayError("damaged", "the object has other bytes than its map says");
}
