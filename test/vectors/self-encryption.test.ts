// Proves that we read and write the format of the crate self_encryption 0.36.2: every case of the vectors is checked in
// both directions. What follows from the input alone must be equal; what also depends on the encoder must open to the same.
import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { ClientError, type ClientErrorCode } from "../../src/client/errors.ts";
import { createBufferPool } from "../../src/client/self-encryption/buffer-pool.ts";
import { memorySource } from "../../src/client/self-encryption/byte-source.ts";
import { localWork } from "../../src/client/self-encryption/chunk-jobs.ts";
import { type DataMap, mapEntry, parseDataMap } from "../../src/client/self-encryption/data-map.ts";
import { chunkKeyMaterial } from "../../src/client/self-encryption/key-derivation.ts";
import { chunkLayout, neighbours } from "../../src/client/self-encryption/layout.ts";
import { openTree } from "../../src/client/self-encryption/read-object.ts";
import { chunkBufferLength, openChunk } from "../../src/client/self-encryption/sealed-chunk.ts";
import { writeTree } from "../../src/client/self-encryption/write-object.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import { hash } from "../../src/protocol/hash.ts";
import { type ErrorFile, makeInput, readVectors, type VectorCase, type VectorChunk, type VectorFile } from "./vector-input.ts";

const hex = (text: string): Uint8Array => fromHex(text) ?? assert.fail("not hexadecimal");
const base64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const signal = new AbortController().signal;
const inputs = new Map<string, Uint8Array>();

function inputOf(vector: VectorCase): Uint8Array {
  const known = inputs.get(vector.name);
  if (known !== undefined) return known;
  inputs.clear();
  const made = makeInput(vector.input);
  inputs.set(vector.name, made);
  return made;
}

function mapOf(bytes: Uint8Array): DataMap {
  const parsed = parseDataMap(bytes);
  return parsed.kind === "map" ? parsed.map : assert.fail(parsed.why);
}

function parts(): { pool: ReturnType<typeof createBufferPool>; workers: typeof localWork; signal: AbortSignal } {
  return { pool: createBufferPool(32 * 1024 * 1024), workers: localWork, signal };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice());
  return Buffer.concat(all);
}

type Written = { readonly map: DataMap; readonly chunks: ReadonlyMap<string, Uint8Array> };

async function write(content: Uint8Array, chunkMax: number, mode: "fast" | "dense"): Promise<Written> {
  const chunks = new Map<string, Uint8Array>();
  const emit = async (chunk: { address: string; bytes: Uint8Array; release(): void }): Promise<void> => {
    chunks.set(chunk.address, chunk.bytes.slice());
    chunk.release();
  };
  const root = await writeTree(memorySource(content), content.length, { chunkMax, mode, inlineBelow: 3, emit }, parts());
  return root.content.kind === "map" ? { map: root.content.map, chunks } : assert.fail("inlined");
}

function missing(address: string): never {
  throw new ClientError("not-found", `no vault has ${address}`);
}

const codeIs =
  (code: ClientErrorCode) =>
  (error: unknown): boolean =>
    error instanceof ClientError && error.code === code;

/** Reads back through our reader from a store of chunks; a missing chunk is an error. */
async function read(map: DataMap, chunks: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const fetch = async (address: string): Promise<{ bytes: Uint8Array; release(): void }> => ({
    bytes: chunks.get(address) ?? missing(address),
    release: () => undefined,
  });
  const readerParts = { ...parts(), fetch };
  const reader = await openTree({ content: { kind: "map", map }, salt: undefined }, readerParts);
  return collect(reader.lend({ start: 0, end: reader.bytes }, readerParts));
}

/** Layout, hashes and keys of one level, and its stored chunks opened. */
function checkLevel(content: Uint8Array, level: number, chunks: readonly VectorChunk[], { max, count }: { max: number; count: number }): void {
  const layout = chunkLayout(content.length, max);
  assert.equal(layout.count, count);
  const plain = (index: number): Uint8Array => content.subarray(layout.startOf(index), layout.startOf(index) + layout.sizeOf(index));
  for (const chunk of chunks) {
    const [before, beforeThat] = neighbours(chunk.index, count);
    const source = plain(chunk.index);
    assert.equal(source.length, chunk.src_size);
    assert.equal(toHex(hash(source)), chunk.src_hash);
    const input = { hashes: [hash(source), hash(plain(before)), hash(plain(beforeThat))] as const, index: chunk.index, level };
    if (chunk.kdf !== undefined) assert.equal(toHex(chunkKeyMaterial(input)), chunk.kdf);
    if (chunk.bytes === undefined) continue;
    const sealed = base64(chunk.bytes);
    assert.equal(sealed.length, chunk.encrypted_size);
    const target = new Uint8Array(Math.max(sealed.length, chunkBufferLength(chunk.src_size)));
    const entry = { address: hex(chunk.dst_hash), sourceHash: hex(chunk.src_hash), size: chunk.src_size };
    const opened = openChunk(sealed, target, entry, input);
    assert.equal(opened.kind, "plain");
    if (opened.kind === "plain") assert.deepEqual(target.slice(opened.start, opened.start + chunk.src_size), new Uint8Array(source));
  }
}

/** Every stored chunk of a case by its address, or undefined where the vectors leave out the bytes of some (large ones). */
function crateChunks(vector: VectorCase): ReadonlyMap<string, Uint8Array> | undefined {
  const all = [...vector.chunks, ...vector.map_levels.flatMap(({ chunks }) => chunks)];
  const known = new Map(all.flatMap(({ dst_hash, bytes }) => (bytes === undefined ? [] : [[dst_hash, base64(bytes)] as const])));
  return known.size === vector.stored_chunks ? known : undefined;
}

async function checkWriter(vector: VectorCase, content: Uint8Array, max: number, mode: "fast" | "dense"): Promise<void> {
  const { map, chunks } = await write(content, max, mode);
  assert.equal(map.child ?? null, vector.data_map_child);
  assert.equal(chunks.size, vector.stored_chunks);
  assert.equal(map.bytes.length, vector.data_map.length / 2);
  if (vector.map_levels.length === 0) {
    for (const chunk of vector.chunks) assert.equal(toHex(mapEntry(map, chunk.index).sourceHash), chunk.src_hash);
  }
  assert.ok(Buffer.from(content).equals(await read(map, chunks)), `${mode}: our own chunks read back`);
  const every = vector.chunks.length === vector.chunk_count;
  const storedOnly = vector.chunks.every((chunk) => chunk.uncompressed_meta_blocks?.length === 1);
  // Random content up to 1 MiB is framed by us as by the crate: then even the addresses are equal.
  if (mode === "fast" && every && storedOnly && vector.map_levels.length === 0) assert.equal(toHex(map.bytes), vector.data_map);
}

for (const file of ["default-max.json", "small-max.json", "multi-level.json"]) {
  const { cases, max_chunk_size: max } = readVectors<VectorFile>(file);
  describe(file, () => {
    for (const vector of cases) {
      test(`${vector.name}: layout, hashes, keys, maps, and the crate's chunks`, async () => {
        const content = inputOf(vector);
        checkLevel(content, 0, vector.chunks, { max, count: vector.chunk_count });
        const dataMap = hex(vector.data_map);
        assert.equal(toHex(hash(dataMap)), vector.data_map_address);
        assert.deepEqual(mapOf(dataMap).bytes, dataMap, "a map parsed and written again is the same");
        if (vector.root_map !== undefined) {
          assert.equal(toHex(hash(hex(vector.root_map))), vector.root_map_address);
          const [lowest] = vector.map_levels;
          if (lowest !== undefined) checkLevel(hex(vector.root_map), lowest.level, lowest.chunks, { max, count: lowest.chunks.length });
        }
      });
      const chunks = crateChunks(vector);
      if (chunks !== undefined)
        test(`${vector.name}: the crate's object read whole`, async () => {
          assert.ok(Buffer.from(inputOf(vector)).equals(await read(mapOf(hex(vector.data_map)), chunks)));
        });
      for (const mode of ["fast", "dense"] as const)
        test(`${vector.name}: our ${mode} chunks`, async () => checkWriter(vector, inputOf(vector), max, mode));
    }
  });
}

test("no case is left out: so many there are, and of so many every stored chunk is given", () => {
  const counts = ["default-max.json", "small-max.json", "multi-level.json"].map((file) => {
    const { cases } = readVectors<VectorFile>(file);
    return [file, cases.length, cases.filter((vector) => crateChunks(vector) !== undefined).length];
  });
  assert.deepEqual(counts, [
    ["default-max.json", 18, 10],
    ["small-max.json", 4, 2],
    ["multi-level.json", 3, 1],
  ]);
  assert.equal(readVectors<ErrorFile>("errors.json").cases.length, 19);
});

describe("errors.json", () => {
  const { base, cases } = readVectors<ErrorFile>("errors.json");
  const content = makeInput(base.input);
  const baseMap = mapOf(hex(base.data_map));

  /** The chunks as the case has them, asked for by the address the map names (as a vault that lies would answer). */
  const answers = (name: string): Map<string, Uint8Array> => {
    const chunks = base.chunks.map(({ bytes }) => base64(bytes));
    const [zero, one] = [chunks[0] ?? assert.fail(), chunks[1] ?? assert.fail()];
    if (name === "flip-bit-chunk-1") one[10] = (one[10] ?? 0) ^ 1;
    if (name === "truncate-chunk-0-by-1") chunks[0] = zero.slice(0, -1);
    if (name === "empty-chunk-0") chunks[0] = new Uint8Array(0);
    if (name === "swap-chunks-0-1") [chunks[0], chunks[1]] = [one, zero];
    const byName = new Map(chunks.map((bytes, index) => [toHex(mapEntry(baseMap, index).address), bytes]));
    if (name === "missing-chunk-1") byName.delete(toHex(mapEntry(baseMap, 1).address));
    return byName;
  };

  for (const vector of cases) {
    const good = vector.crate.streaming_decrypt.ok !== undefined;
    test(`${vector.name}: ${good ? "read" : "refused"}`, async () => {
      const chunks = answers(vector.name);
      if (vector.chunk !== undefined) {
        const bytes = base64(vector.chunk.bytes);
        chunks.set(chunkAddress(bytes), bytes);
      }
      const parsed = parseDataMap(hex(vector.data_map));
      if (good) assert.ok(Buffer.from(content).equals(await read(mapOf(hex(vector.data_map)), chunks)));
      else if (parsed.kind === "map")
        // A chunk that no vault has is the fetch's word; everything else is found out by the reader.
        await assert.rejects(read(parsed.map, chunks), codeIs(vector.name === "missing-chunk-1" ? "not-found" : "damaged"));
      else assert.notEqual(parsed.why, "");
    });
  }

  test("a chunk that fits its address but not its keys fails at the tag", () => {
    const chunk = base64(base.chunks[1]?.bytes ?? "");
    chunk[10] = (chunk[10] ?? 0) ^ 1;
    const hashOf = (index: number): Uint8Array => mapEntry(baseMap, index).sourceHash;
    const entry = { ...mapEntry(baseMap, 1), address: hash(chunk) };
    const opened = openChunk(chunk, new Uint8Array(2048), entry, { hashes: [hashOf(1), hashOf(0), hashOf(2)], index: 1, level: 0 });
    assert.deepEqual(opened, { kind: "damaged", why: "tag" });
  });
});
