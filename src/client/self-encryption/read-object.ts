// Opens an object: its root, the maps below the root, and then any range of its bytes.
import { addressBytes, type ObjectAddress, objectAddressParts } from "../../protocol/address.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { ClientError } from "../errors.ts";
import type { ByteRange, OpenObject } from "../farm-client.ts";
import { type DataMap, mapContentLength, mapEntry, mapSizeMax, parseDataMap } from "./data-map.ts";
import { type LevelMap, type ReaderParts, readLevel } from "./read-level.ts";
import { openRoot, parseRoot, type Root } from "./root-map.ts";

/** Maps may lie this deep: the crate's own bound. */
const depthMax = 100;
/** Bytes lent at once: few enough to leave room in a socket's buffer, many enough that a piece's own cost does not count. */
const pieceLength: number = 256 * 1024;
/** Bytes of a copy: little enough to be made without a fresh page for each. */
const copyLength: number = 64 * 1024;

/** An opened object: its size, the chunks it is stored in, and its bytes. */
export type ObjectReader = {
  readonly bytes: number;
  readonly chunks: number;
  /** A piece may be read until the next is asked for. */
  lend(range: ByteRange, parts: ReaderParts): AsyncGenerator<Uint8Array>;
};

const damaged = (what: string): ClientError => new ClientError("damaged", what);

/** Fetches and reads a root. Throws a ClientError: `damaged`, `key-needed`, `wrong-key`, or what the fetch throws. */
export async function fetchRoot(address: ObjectAddress, parts: Pick<ReaderParts, "fetch" | "signal">): Promise<Root> {
  const { root, key } = objectAddressParts(address);
  const fetched = await parts.fetch(root, parts.signal);
  try {
    if (!equalBytes(hash(fetched.bytes), addressBytes(root)))
      throw new ClientError("damaged", "the root's bytes do not have its address", { chunk: root });
    const bytes = key === undefined ? fetched.bytes.slice() : openRoot(fetched.bytes, key);
    if (bytes === undefined)
      throw new ClientError("wrong-key", "the second half of the address does not open this root; check the address");
    const parsed = parseRoot(bytes);
    if (parsed.kind === "root") return parsed.root;
    if (parsed.kind === "malformed") throw new ClientError("damaged", `the root map is malformed: ${parsed.why}`, { chunk: root });
    if (key !== undefined) throw new ClientError("damaged", "this is no root map", { chunk: root });
    throw new ClientError("key-needed", "this is not a readable root map; a private object is asked for by all 128 digits of its address");
  } finally {
    fetched.release();
  }
}

/** Reads the maps below a root down to that of the content. Throws a ClientError (`damaged`) or what the fetch throws. */
export async function openTree(root: Root, parts: ReaderParts): Promise<ObjectReader> {
  if (root.content.kind === "inline") return inlineReader(root.content.content);
  let { map } = root.content;
  let chunks = map.count;
  for (let depth = 0; map.child !== undefined; depth += 1) {
    if (depth >= depthMax) throw damaged(`maps lie deeper than ${depthMax} levels`);
    map = await innerMap({ map, level: map.child, salt: root.salt }, parts);
    chunks += map.count;
  }
  return contentReader({ map, level: 0, salt: root.salt }, chunks);
}

async function innerMap(outer: LevelMap, parts: ReaderParts): Promise<DataMap> {
  const length = mapContentLength(outer.map);
  if (length > mapSizeMax) throw damaged(`a map of ${length} bytes; ${mapSizeMax} are read`);
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of readLevel(outer, 0, outer.map.count - 1, parts)) {
    bytes.set(chunk.bytes, filled);
    filled += chunk.bytes.length;
    chunk.release();
  }
  const parsed = parseDataMap(bytes);
  if (parsed.kind === "malformed") throw damaged(`the map at level ${outer.level} is malformed: ${parsed.why}`);
  return parsed.map;
}

function inlineReader(content: Uint8Array): ObjectReader {
  async function* lend({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    if (end > start) yield content.subarray(start, end);
  }
  return { bytes: content.length, chunks: 0, lend };
}

function contentReader(content: LevelMap, chunks: number): ObjectReader {
  const starts = chunkStarts(content.map);
  const bytes = starts[content.map.count] ?? 0;
  if (!Number.isSafeInteger(bytes)) throw damaged("the map declares more bytes than can be counted");
  async function* lend({ start, end }: ByteRange, parts: ReaderParts): AsyncGenerator<Uint8Array> {
    if (end <= start) return;
    const first = chunkAt(starts, start);
    const last = chunkAt(starts, end - 1);
    let index = first;
    for await (const chunk of readLevel(content, first, last, parts)) {
      const chunkStart = starts[index] ?? 0;
      const wanted = chunk.bytes.subarray(Math.max(0, start - chunkStart), Math.min(chunk.bytes.length, end - chunkStart));
      try {
        for (let at = 0; at < wanted.length; at += pieceLength) {
          parts.signal.throwIfAborted();
          const piece = wanted.subarray(at, at + pieceLength);
          parts.client?.waits();
          yield piece;
          parts.client?.moved(piece.length);
        }
      } finally {
        chunk.release();
      }
      index += 1;
    }
  }
  return { bytes, chunks, lend };
}

/** Copies, so that what the consumer keeps is its own while the chunk's buffer is used again. */
async function* copies(lent: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of lent) {
    for (let start = 0; start < piece.length; start += copyLength) {
      const part = piece.subarray(start, start + copyLength);
      const copy = Buffer.allocUnsafeSlow(part.length);
      copy.set(part);
      yield copy;
    }
  }
}

/** First byte of each chunk, and one past the last chunk's. */
function chunkStarts(map: DataMap): Float64Array {
  const starts = new Float64Array(map.count + 1);
  for (let index = 0; index < map.count; index += 1) starts[index + 1] = (starts[index] ?? 0) + mapEntry(map, index).size;
  return starts;
}

/** The chunk that holds byte `position`. */
function chunkAt(starts: Float64Array, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** `range` of an object of `bytes` bytes, all of it where absent. Throws a ClientError (`bad-range`). */
export function checkedRange(range: ByteRange | undefined, bytes: number): ByteRange {
  const { start, end } = range ?? { start: 0, end: bytes };
  const fits = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= bytes;
  if (!fits) throw new ClientError("bad-range", `bytes ${start} to ${end} of an object of ${bytes}`);
  return { start, end };
}

/** `error`, or, where the signal ended the work, why: the client's own reason or a ClientError (`aborted`) for the caller's. */
export function namedAbort(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  if (signal.reason instanceof ClientError) return signal.reason;
  return new ClientError("aborted", "given up by the caller", { cause: signal.reason });
}

/** Told when a read begins and when it is over. */
export type ReadWatch = { begin(): void; done(): void };

/** What one read works with, given its caller's signal and whom to tell where it ends because its client is too slow. */
export type PartsForRead = (signal?: AbortSignal, tooSlow?: (why: ClientError) => void) => ReaderParts;

/** The face of an opened object. */
export function openObject(reader: ObjectReader, partsFor: PartsForRead, watch: ReadWatch): OpenObject {
  async function* lend(range: ByteRange, parts: ReaderParts): AsyncGenerator<Uint8Array> {
    watch.begin();
    try {
      yield* reader.lend(range, parts);
    } catch (error) {
      throw namedAbort(error, parts.signal);
    } finally {
      watch.done();
    }
  }
  return {
    bytes: reader.bytes,
    // One more: the root.
    chunks: reader.chunks + 1,
    read: (range, signal) => copies(lend(checkedRange(range, reader.bytes), partsFor(signal))),
    lend: (range, signal, tooSlow) => lend(checkedRange(range, reader.bytes), partsFor(signal, tooSlow)),
  };
}
