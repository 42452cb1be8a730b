// Encrypted chunks on the gateway's disk, a file each under its address: bounded by bytes, those not read for long dropped
// first. Nothing is synced and no file is trusted: what a crash or a rotting disk left is found out by its address when it is
// read, and removed. The disk may fail or be full at any time; readers then go to the vaults.
import { open, readdir, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Address, chunkAddress, parseAddress } from "../protocol/address.ts";
import { chunkSizeMax } from "../protocol/limits.ts";
import type { Log } from "../runtime/log.ts";
import { makeFolder } from "../runtime/make-folder.ts";
import { diskCacheFilesMax, diskCacheWaitingMax, diskCacheWritersMax } from "./limits.ts";
import { createSecondCacheCounts, type SecondCache } from "./second-cache.ts";

/** `folder` is the cache's alone. */
export type DiskCacheOptions = { readonly folder: string; readonly bytesMax: number; readonly log: Log };

export type DiskCache = SecondCache & {
  /** Resolves once what was there at the start is known and nothing waits to be written or removed. */
  idle(): Promise<void>;
};

type Entry = { readonly length: number; used: boolean };

/** What a file takes at least, and what its name takes: a block each on usual file systems. */
const blockBytes = 4096;
const costOf = (length: number): number => (Math.ceil(length / blockBytes) + 1) * blockBytes;
const draftEnding = ".part";

/** The files of the cache, as far as they are known. */
type Shelf = {
  readonly options: DiskCacheOptions;
  /** Least lately kept or spared first. */
  readonly entries: Map<Address, Entry>;
  readonly tasks: Set<Promise<void>>;
  held: number;
  /** Whether the last try to keep something failed. */
  failing: boolean;
};

/** A cache over what an earlier one left in the folder, which is looked through meanwhile: until then it finds nothing. */
export function createDiskCache(options: DiskCacheOptions): DiskCache {
  const shelf: Shelf = { options, entries: new Map(), tasks: new Set(), held: 0, failing: false };
  const counts = createSecondCacheCounts();
  const writing = new Map<Address, Uint8Array>();
  const waiting: Address[] = [];
  let waitingBytes = 0;
  let writers = 0;
  let isOpen = false;

  const writeOn = async (): Promise<void> => {
    writers += 1;
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      const bytes = writing.get(address);
      if (bytes !== undefined) await keep(shelf, address, bytes);
      writing.delete(address);
      waitingBytes -= bytes?.length ?? 0;
    }
    writers -= 1;
  };
  const get = async (address: Address): Promise<Uint8Array | undefined> => {
    const entry = shelf.entries.get(address);
    const outcome = entry === undefined ? "miss" : await readEntry(shelf, address, entry);
    const isFound = typeof outcome !== "string";
    counts.add(isFound ? "hit" : outcome);
    return isFound ? outcome : undefined;
  };
  const put = (address: Address, bytes: Uint8Array): void => {
    const { length } = bytes;
    if (!isOpen || shelf.entries.has(address) || writing.has(address)) return;
    if (costOf(length) > options.bytesMax / 4 || waitingBytes + length > diskCacheWaitingMax) return;
    writing.set(address, bytes);
    waiting.push(address);
    waitingBytes += length;
    if (writers < diskCacheWritersMax) track(shelf, writeOn());
  };
  track(
    shelf,
    lookThrough(shelf).then(() => {
      isOpen = true;
    }),
  );
  return {
    kind: "disk",
    get,
    put,
    bytes: () => shelf.held,
    counts: counts.read,
    idle: async () => {
      while (shelf.tasks.size > 0) await Promise.all(shelf.tasks);
    },
  };
}

function track({ tasks }: Shelf, task: Promise<void>): void {
  tasks.add(task);
  void task.finally(() => tasks.delete(task));
}

function pathOf({ options }: Shelf, address: Address): string {
  return join(options.folder, address.slice(0, 2), address);
}

/** Takes in what is there, oldest first, and removes what a crash left half written. */
async function lookThrough(shelf: Shelf): Promise<void> {
  const { folder, log } = shelf.options;
  try {
    await makeFolder(folder, 0o700);
    const found: { readonly address: Address; readonly length: number; readonly atMs: number }[] = [];
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      const address = parseAddress(file.name);
      if (file.name.endsWith(draftEnding)) track(shelf, remove(path));
      if (address === undefined || path !== pathOf(shelf, address)) continue;
      const { size, mtimeMs } = await stat(path);
      found.push({ address, length: size, atMs: mtimeMs });
    }
    for (const { address, length } of found.sort((a, b) => a.atMs - b.atMs)) note(shelf, address, length);
  } catch (cause) {
    log.warn("the chunk cache on disk cannot be looked through; what is in it is not used", { folder, cause });
  }
}

async function readEntry(shelf: Shelf, address: Address, entry: Entry): Promise<Uint8Array | "miss" | "damaged" | "failed"> {
  try {
    const bytes = await readExactly(pathOf(shelf, address), entry.length);
    if (bytes !== undefined && chunkAddress(bytes) === address) {
      entry.used = true;
      return bytes;
    }
    shelf.options.log.warn("a file of the chunk cache is not what its name says; it is removed", { address });
    forget(shelf, address);
    return "damaged";
  } catch (cause) {
    forget(shelf, address);
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "miss";
    shelf.options.log.warn("a file of the chunk cache cannot be read; it is removed", { address, cause });
    return "failed";
  }
}

/** A file of exactly this many bytes, or undefined. Nothing is read of one with another length. */
async function readExactly(path: string, length: number): Promise<Uint8Array | undefined> {
  const file = await open(path, "r");
  try {
    if (length === 0 || length > chunkSizeMax || (await file.stat()).size !== length) return undefined;
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, 0);
    return bytesRead === length ? bytes : undefined;
  } finally {
    await file.close();
  }
}

/** Under its name only once it is written: whoever finds it finds all of it, but for a crash of the machine. */
async function keep(shelf: Shelf, address: Address, bytes: Uint8Array): Promise<void> {
  const { folder, log } = shelf.options;
  const draft = join(folder, `${address}${draftEnding}`);
  try {
    await makeFolder(join(folder, address.slice(0, 2)), 0o700);
    await writeFile(draft, bytes, { mode: 0o600 });
    await rename(draft, pathOf(shelf, address));
    note(shelf, address, bytes.length);
    if (shelf.failing) log.info("the chunk cache on disk keeps chunks again", { folder });
    shelf.failing = false;
  } catch (cause) {
    await remove(draft);
    if (!shelf.failing) log.warn("the chunk cache on disk keeps nothing more for now", { folder, cause });
    shelf.failing = true;
  }
}

function note(shelf: Shelf, address: Address, length: number): void {
  const { entries, options } = shelf;
  entries.set(address, { length, used: false });
  shelf.held += costOf(length);
  // Spared entries go to the end unmarked, so that two turns at most find something to drop.
  for (const [oldest, entry] of entries) {
    if (shelf.held <= options.bytesMax && entries.size <= diskCacheFilesMax) return;
    if (!entry.used) forget(shelf, oldest);
    else {
      entries.delete(oldest);
      entry.used = false;
      entries.set(oldest, entry);
    }
  }
}

function forget(shelf: Shelf, address: Address): void {
  const entry = shelf.entries.get(address);
  if (entry === undefined) return;
  shelf.entries.delete(address);
  shelf.held -= costOf(entry.length);
  track(shelf, remove(pathOf(shelf, address)));
}

/** One that cannot be removed is found again at the next start. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}

/** Removes what an earlier gateway kept, where nothing is to be kept any more. */
export async function removeDiskCache(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => {});
}
