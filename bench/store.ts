// The chunk store on the disk it is run on, beside a plain append and fdatasync (or read) of the same bytes in pieces of the
// same size in the same run: 4 MiB chunks two a call as a message brings them, 4 KiB chunks at 16 at a time. Then a store that
// grows to a million entries (store-growth.ts; it takes 5 GiB of disk).
import { mkdtempSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, chunkAddress } from "../src/protocol/address.ts";
import type { VaultName } from "../src/protocol/keys.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { seededRandom } from "../src/runtime/random.ts";
import type { PutEntry } from "../src/vault-node/chunk-store/chunk-store.ts";
import { createDiskChunkStore, type DiskChunkStore } from "../src/vault-node/chunk-store/disk.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";
import { bytesWritten, storeGrowth } from "./store-growth.ts";

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;
const vault = chunkAddress(Buffer.from("bench")) as unknown as VaultName;
const noise = seededRandom(1).bytes(4 * mib);
let made = 0;

function entry(size: number): PutEntry {
  const bytes = Buffer.from(noise.subarray(0, size));
  made += 1;
  bytes.writeUInt32LE(made);
  return { vault, address: chunkAddress(bytes), bytes };
}

const openStore = (directory: string): Promise<DiskChunkStore> =>
  createDiskChunkStore({ directory, vaults: [{ vault, capacity: 64 * gib }], clock: systemClock, log: silentLog });

type Measured = { readonly mibPerSecond: number; readonly cpuSecondsPerGiB: number; readonly writtenPerByte: number };

async function measure(bytes: number, action: () => Promise<void>): Promise<Measured> {
  const [cpuBefore, writtenBefore, begun] = [process.cpuUsage(), bytesWritten(), performance.now()];
  await action();
  const seconds = (performance.now() - begun) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    mibPerSecond: bytes / mib / seconds,
    cpuSecondsPerGiB: (((cpu.user + cpu.system) / 1e6) * gib) / bytes,
    writtenPerByte: (bytesWritten() - writtenBefore) / bytes,
  };
}

/** Runs `calls` with so many under way at a time. */
async function atATime<T>(calls: readonly T[], width: number, run: (call: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) await run(call);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

type Shape = { readonly name: string; readonly size: number; readonly perCall: number; readonly width: number; readonly count: number };
const shapes: readonly Shape[] = [
  { name: "4 MiB chunks", size: 4 * mib, perCall: 2, width: 4, count: 64 },
  { name: "4 KiB chunks", size: 4 * kib, perCall: 1, width: 16, count: 16_384 },
];

async function put(store: DiskChunkStore, entries: readonly PutEntry[], { perCall, width }: Shape): Promise<void> {
  const calls = Array.from({ length: entries.length / perCall }, (_, i) => entries.slice(i * perCall, (i + 1) * perCall));
  await atATime(calls, width, async (call) => {
    const outcomes = await store.put(call);
    if (outcomes.some((outcome) => outcome !== "stored")) throw new Error(`not stored: ${outcomes.join(", ")}`);
  });
}

async function get(store: DiskChunkStore, addresses: readonly Address[], { width }: Shape): Promise<void> {
  await atATime(addresses, width, async (address) => {
    const read = await store.get(address);
    if (read.kind !== "found") throw new Error(`${address} is ${read.kind}`);
    read.release();
  });
}

/** The same bytes to a plain file: the pieces that wait together are written together, then synced. */
async function plainPut(file: FileHandle, entries: readonly PutEntry[], { perCall, width }: Shape): Promise<void> {
  const together = Math.min(perCall * width, (8 * mib) / (entries[0]?.bytes.length ?? mib) || 1);
  for (let i = 0; i < entries.length; i += together) {
    await file.writev(entries.slice(i, i + together).map(({ bytes }) => bytes));
    await file.datasync();
  }
}

async function plainGet(file: FileHandle, entries: readonly PutEntry[], { size, width }: Shape): Promise<void> {
  const buffers = Array.from({ length: width }, () => Buffer.alloc(size));
  await atATime([...entries.keys()], width, async (index) => {
    const buffer = buffers.pop() ?? Buffer.alloc(size);
    await file.read(buffer, 0, size, index * size);
    buffers.push(buffer);
  });
}

async function shapeRounds(folder: string, shape: Shape, runs: number): Promise<readonly Result[]> {
  const figures = { put: [] as Measured[], get: [] as Measured[], plainPut: [] as Measured[], plainGet: [] as Measured[] };
  const total = shape.size * shape.count;
  for (let run = 0; run <= runs; run += 1) {
    const entries = Array.from({ length: shape.count }, () => entry(shape.size));
    const store = await openStore(join(folder, `store-${shape.size}-${run}`));
    const plain = await open(join(folder, `plain-${shape.size}-${run}`), "wx+");
    const once = {
      put: await measure(total, () => put(store, entries, shape)),
      plainPut: await measure(total, () => plainPut(plain, entries, shape)),
      get: await measure(total, () =>
        get(
          store,
          entries.map(({ address }) => address),
          shape,
        ),
      ),
      plainGet: await measure(total, () => plainGet(plain, entries, shape)),
    };
    await plain.close();
    await store.close();
    for (const kind of ["store", "plain"]) await rm(join(folder, `${kind}-${shape.size}-${run}`), { recursive: true });
    // The first round warms the program up and is not counted.
    if (run > 0) for (const key of ["put", "get", "plainPut", "plainGet"] as const) figures[key].push(once[key]);
  }
  return [
    ...rows(`put ${shape.name}`, figures.put, { what: "append + fdatasync", values: figures.plainPut }),
    ...rows(`get ${shape.name}`, figures.get, { what: "read, unverified", values: figures.plainGet }),
    summarise(
      { bench: "store", what: `put ${shape.name}, bytes written`, unit: "a byte put" },
      figures.put.map(({ writtenPerByte }) => writtenPerByte),
    ),
  ];
}

function rows(what: string, ours: readonly Measured[], plain: { what: string; values: readonly Measured[] }): readonly Result[] {
  const speed = (values: readonly Measured[]): readonly number[] => values.map(({ mibPerSecond }) => mibPerSecond);
  const cpu = (values: readonly Measured[]): readonly number[] => values.map(({ cpuSecondsPerGiB }) => cpuSecondsPerGiB);
  const row = (unit: string, values: readonly number[], reference: readonly number[]): Result =>
    summarise({ bench: "store", what, unit }, values, {
      reference: { what: plain.what, median: median(reference) },
      ratio: median(values) / median(reference),
    });
  return [row("MiB/s", speed(ours), speed(plain.values)), row("CPU-s/GiB", cpu(ours), cpu(plain.values))];
}

export const bench: Bench = {
  name: "store",
  run: async ({ runs }: BenchOptions): Promise<readonly Result[]> => {
    const folder = mkdtempSync(join(tmpdir(), "bench-store-"));
    try {
      const results: Result[] = [];
      for (const shape of shapes) results.push(...(await shapeRounds(folder, shape, runs)));
      return [...results, ...(await storeGrowth(folder))];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
