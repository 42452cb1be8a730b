// A store that grows to a million chunks of 4 KiB: what is written for each byte put, of them and of chunks of 1 MiB that come
// on the way; syncs a group; memory, look-up, start.
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Address, chunkAddress } from "../src/protocol/address.ts";
import type { VaultName } from "../src/protocol/keys.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { seededRandom } from "../src/runtime/random.ts";
import type { PutEntry } from "../src/vault-node/chunk-store/chunk-store.ts";
import { createDiskChunkStore, type DiskChunkStore } from "../src/vault-node/chunk-store/disk.ts";
import type { Disk, DiskFile } from "../src/vault-node/chunk-store/disk-port.ts";
import { systemDisk } from "../src/vault-node/chunk-store/system-disk.ts";
import { type Result, summarise } from "./result.ts";

const kib = 1024;
const mib = 1024 * kib;
const vault = chunkAddress(Buffer.from("growth")) as unknown as VaultName;
const noise = seededRandom(2).bytes(mib);
const milestones = [1e4, 1e5, 1e6] as const;
const shapes = { small: { size: 4 * kib, perCall: 64, width: 4 }, large: { size: mib, perCall: 2, width: 4 } } as const;
const largeCount = 256;
type Shape = (typeof shapes)[keyof typeof shapes];

let made = 0;
function entry(size: number): PutEntry {
  const bytes = Buffer.from(noise.subarray(0, size));
  made += 1;
  bytes.writeUInt32LE(made);
  return { vault, address: chunkAddress(bytes), bytes };
}

// A figure of /proc/self/io (proc(5)); NaN where the system has none.
function ioFigure(name: "wchar" | "write_bytes"): number {
  try {
    return Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
  } catch {
    return Number.NaN;
  }
}

/** Bytes this process handed to the system by write calls, log and index: what a store writes, whatever the page cache makes of it. */
export function bytesWritten(): number {
  return ioFigure("wchar");
}

/** Syncs and groups (writes to a segment) so far. */
type Counts = { syncs: number; groups: number };

function countingDisk(counts: Counts): Disk {
  const counted = (file: DiskFile, isSegment: boolean): DiskFile => ({
    ...file,
    pwritev: (parts, position) => {
      if (isSegment) counts.groups += 1;
      return file.pwritev(parts, position);
    },
    fdatasync: () => {
      counts.syncs += 1;
      return file.fdatasync();
    },
  });
  return {
    ...systemDisk,
    open: async (path, mode) => counted(await systemDisk.open(path, mode), basename(path).startsWith("segment-")),
    syncDirectory: (directory) => {
      counts.syncs += 1;
      return systemDisk.syncDirectory(directory);
    },
  };
}

/** Sums over puts: bytes put, bytes written by calls, pages that these made dirty, syncs, groups, seconds, CPU seconds. */
type Spent = { put: number; written: number; dirtied: number; syncs: number; groups: number; seconds: number; cpu: number };
const nothing = (): Spent => ({ put: 0, written: 0, dirtied: 0, syncs: 0, groups: 0, seconds: 0, cpu: 0 });

async function spend(spent: Spent, counts: Counts, action: () => Promise<number>): Promise<void> {
  const before = { ...counts, written: bytesWritten(), dirtied: ioFigure("write_bytes"), cpu: process.cpuUsage(), at: performance.now() };
  spent.put += await action();
  const { user, system } = process.cpuUsage(before.cpu);
  spent.written += bytesWritten() - before.written;
  spent.dirtied += ioFigure("write_bytes") - before.dirtied;
  spent.syncs += counts.syncs - before.syncs;
  spent.groups += counts.groups - before.groups;
  spent.seconds += (performance.now() - before.at) / 1000;
  spent.cpu += (user + system) / 1e6;
}

/** Puts `count` chunks; resolves with their bytes. The first of each round of calls goes into `some`. */
async function putMany(store: DiskChunkStore, count: number, { size, perCall, width }: Shape, some: Address[]): Promise<number> {
  for (let left = count; left > 0; left -= perCall * width) {
    const calls = Array.from({ length: width }, (_, call) => {
      const entries = Array.from({ length: Math.min(perCall, Math.max(0, left - call * perCall)) }, () => entry(size));
      return entries;
    });
    const outcomes = await Promise.all(calls.map((entries) => store.put(entries)));
    if (outcomes.flat().some((outcome) => outcome !== "stored")) throw new Error("a chunk was not stored");
    if (calls[0]?.[0] !== undefined) some.push(calls[0][0].address);
  }
  return count * size;
}

/** Anonymous memory of this process after a collection, MiB. */
function anonymousMib(): number {
  globalThis.gc?.();
  try {
    return Number(/^Anonymous:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** CPU seconds of this process: on a machine with other work a look-up's wall time says little. */
function cpuSecondsOf(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function secondsOf(action: () => unknown): Promise<number> {
  const begun = performance.now();
  await action();
  return (performance.now() - begun) / 1000;
}

const row = (what: string, unit: string, value: number): Result => summarise({ bench: "store", what, unit }, [value]);

function rowsOf(what: string, { put, written, dirtied, syncs, groups, seconds, cpu }: Spent): readonly Result[] {
  return [
    row(`${what}: bytes written`, "a byte put", written / put),
    row(`${what}: pages made dirty`, "bytes a byte put", dirtied / put),
    row(`${what}: syncs of log and index`, "a group", syncs / groups),
    row(`${what}: speed`, "MiB/s", put / mib / seconds),
    row(`${what}: CPU`, "CPU-s/GiB", (cpu * kib * mib) / put),
  ];
}

/** The bench; its files lie in `folder`. */
export async function storeGrowth(folder: string): Promise<readonly Result[]> {
  const directory = join(folder, "growth");
  const counts: Counts = { syncs: 0, groups: 0 };
  const vaults = [{ vault, capacity: 64 * kib * mib }];
  const open = (): Promise<DiskChunkStore> =>
    createDiskChunkStore({ directory, vaults, clock: systemClock, log: silentLog, disk: countingDisk(counts) });
  let store = await open();
  const before = anonymousMib();
  const some: Address[] = [];
  const results: Result[] = [];
  const growth = nothing();
  let chunks = 0;
  for (const milestone of milestones) {
    await spend(growth, counts, () => putMany(store, milestone - chunks, shapes.small, some));
    chunks = milestone;
    results.push(...rowsOf(`4 KiB chunks, from none to 10^${Math.log10(milestone)}`, growth));
    const large = nothing();
    await spend(large, counts, () => putMany(store, largeCount, shapes.large, []));
    results.push(...rowsOf(`1 MiB chunks beside 10^${Math.log10(milestone)}`, large));
  }
  results.push(row("10^6 entries: more anonymous memory", "MiB", anonymousMib() - before));
  const absent = some.map((address) => chunkAddress(Buffer.from(address)));
  for (const [what, addresses] of [
    ["held", some],
    ["not held", absent],
  ] as const) {
    const seconds = cpuSecondsOf(() => {
      for (const address of addresses) store.info(address);
    });
    results.push(row(`10^6 entries: look-up, ${what}`, "CPU-µs", (seconds / addresses.length) * 1e6));
  }
  results.push(
    row(
      "10^6 entries: all addresses",
      "CPU-s",
      cpuSecondsOf(() => void [...store.addresses()].length),
    ),
  );
  results.push(row("10^6 entries: stop", "s", await secondsOf(() => store.close())));
  const reopen = async (): Promise<void> => {
    store = await open();
  };
  results.push(row("10^6 entries: start", "s", await secondsOf(reopen)));
  await store.close();
  await rm(join(directory, "index"), { recursive: true });
  results.push(row("10^6 entries: start without the index", "s", await secondsOf(reopen)));
  await store.close();
  return results;
}
