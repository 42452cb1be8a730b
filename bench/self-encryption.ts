// Self-encryption of 256 MiB in memory against the plain primitives it cannot do without: BLAKE3 and ChaCha20-Poly1305
// over the same bytes, in one thread, chunk by chunk. Ours uses its own two workers; reading verifies everything.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { createSelfEncryptor, type SelfEncryptor } from "../src/client/self-encryption/self-encryptor.ts";
import type { Address, ObjectAddress } from "../src/protocol/address.ts";
import { hash } from "../src/protocol/hash.ts";
import { seededRandom } from "../src/runtime/random.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const mib = 1024 * 1024;
const total = 256 * mib;
const pieceLength = 64 * 1024;
const chunkLength = 4_190_208;

type Kind = "random" | "text";
type Measured = { readonly mibPerSecond: number; readonly cpuSecondsPerGiB: number };
type Stored = { readonly address: ObjectAddress; readonly chunks: ReadonlyMap<Address, Uint8Array> };

async function measure(bytes: number, action: () => Promise<void>): Promise<Measured> {
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  await action();
  const seconds = (performance.now() - begun) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return { mibPerSecond: bytes / mib / seconds, cpuSecondsPerGiB: (((cpu.user + cpu.system) / 1e6) * 1024 * mib) / bytes };
}

/** Text whose words come as often as in prose: rank by rank, from a vocabulary of 4,096. */
function text(size: number): Uint8Array {
  const random = seededRandom(2);
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const word = (): string =>
    Array.from({ length: 2 + Math.floor(random.fraction() * 8) }, () => letters[Math.floor(random.fraction() ** 2 * 26)]).join("");
  const vocabulary = Array.from({ length: 4096 }, word);
  const words: string[] = [];
  for (let length = 0; length < size; ) {
    const next = vocabulary[Math.floor(4096 ** random.fraction()) - 1] ?? "a";
    words.push(next);
    length += next.length + 1;
  }
  return Buffer.from(words.join(" ")).subarray(0, size);
}

/** 256 MiB that never repeat a chunk: eight MiB of content, each piece marked with its place. */
async function* source(block: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < total; at += pieceLength) {
    const piece = block.subarray(at % block.length, (at % block.length) + pieceLength);
    new DataView(piece.buffer, piece.byteOffset).setUint32(0, at, true);
    yield piece;
  }
}

async function encrypt(encryptor: SelfEncryptor, block: Uint8Array, keep?: Map<Address, Uint8Array>): Promise<ObjectAddress> {
  const { address } = await encryptor.encrypt(source(block), {
    size: total,
    onChunk: async (chunk) => {
      // Kept as the client keeps fetched chunks: in shared memory.
      if (keep !== undefined) {
        const shared = new Uint8Array(new SharedArrayBuffer(chunk.bytes.length));
        shared.set(chunk.bytes);
        keep.set(chunk.address, shared);
      }
      chunk.release();
    },
  });
  return address;
}

async function decrypt(encryptor: SelfEncryptor, { address, chunks }: Stored): Promise<void> {
  const opened = await encryptor.open(address, async (chunk) => {
    const bytes = chunks.get(chunk);
    if (bytes === undefined) throw new Error(`chunk ${chunk} was not kept`);
    return { bytes, release: () => undefined };
  });
  let read = 0;
  for await (const piece of opened.read()) read += piece.length;
  if (read !== total) throw new Error(`${read} bytes came back`);
}

/** The reference: hash, then encrypt (or decrypt) 256 MiB in pieces of a chunk, in this thread. */
function reference(block: Uint8Array, direction: "encrypt" | "decrypt"): void {
  const key = block.slice(0, 32);
  for (let at = 0; at < total; at += chunkLength) {
    const length = Math.min(chunkLength, total - at);
    const piece = block.subarray(0, length);
    hash(piece);
    const cipher = (direction === "encrypt" ? createCipheriv : createDecipheriv)("chacha20-poly1305", key, key.subarray(0, 12), {
      authTagLength: 16,
    });
    cipher.update(piece);
  }
}

async function rounds(runs: number, kind: Kind, block: Uint8Array): Promise<readonly Result[]> {
  const encryptor = createSelfEncryptor();
  const chunks = new Map<Address, Uint8Array>();
  // The first pass starts the workers and is not counted.
  const stored: Stored = { address: await encrypt(encryptor, block, chunks), chunks };
  await decrypt(encryptor, stored);
  const figures = { encrypt: [] as Measured[], decrypt: [] as Measured[], plainEncrypt: [] as Measured[], plainDecrypt: [] as Measured[] };
  for (let run = 0; run < runs; run += 1) {
    figures.encrypt.push(await measure(total, async () => void (await encrypt(encryptor, block))));
    figures.plainEncrypt.push(await measure(total, async () => reference(block, "encrypt")));
    figures.decrypt.push(await measure(total, () => decrypt(encryptor, stored)));
    figures.plainDecrypt.push(await measure(total, async () => reference(block, "decrypt")));
  }
  await encryptor.stop();
  return [
    ...rows(`encrypt ${kind}`, figures.encrypt, figures.plainEncrypt),
    ...rows(`decrypt ${kind}`, figures.decrypt, figures.plainDecrypt),
  ];
}

function rows(what: string, ours: readonly Measured[], plain: readonly Measured[]): readonly Result[] {
  const speed = (measured: readonly Measured[]): readonly number[] => measured.map(({ mibPerSecond }) => mibPerSecond);
  const cpu = (measured: readonly Measured[]): readonly number[] => measured.map(({ cpuSecondsPerGiB }) => cpuSecondsPerGiB);
  const bySpeed = { what: "BLAKE3 + ChaCha20-Poly1305, 1 thread", median: median(speed(plain)) };
  const byCpu = { what: "same, CPU", median: median(cpu(plain)) };
  const bench = "self-encryption";
  return [
    summarise({ bench, what: `${what}, 2 workers`, unit: "MiB/s" }, speed(ours), {
      cpuSecondsPerGiB: median(cpu(ours)),
      reference: bySpeed,
      ratio: median(speed(ours)) / bySpeed.median,
    }),
    summarise({ bench, what: `${what}, CPU`, unit: "CPU-s/GiB" }, cpu(ours), { reference: byCpu, ratio: median(cpu(ours)) / byCpu.median }),
  ];
}

async function small(runs: number): Promise<Result> {
  const encryptor = createSelfEncryptor();
  const bytes = seededRandom(3).bytes(4096);
  const count = 1000;
  const once = async (): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      bytes[i % 4096] = i & 0xff;
      const one = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes;
      };
      await encryptor.encrypt(one(), { size: bytes.length, onChunk: async (chunk) => chunk.release() });
    }
  };
  await once();
  const cpuMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { cpuSecondsPerGiB } = await measure(count * bytes.length, once);
    cpuMs.push((cpuSecondsPerGiB * 1000 * bytes.length) / (1024 * mib));
  }
  await encryptor.stop();
  return summarise({ bench: "self-encryption", what: "encrypt 4 KiB object, in process", unit: "CPU-ms" }, cpuMs);
}

export const bench: Bench = {
  name: "self-encryption",
  run: async ({ runs }: BenchOptions): Promise<readonly Result[]> => [
    ...(await rounds(runs, "random", seededRandom(1).bytes(8 * mib))),
    ...(await rounds(runs, "text", text(8 * mib))),
    await small(runs),
  ],
};
