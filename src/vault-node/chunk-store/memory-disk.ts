// A disk in memory behind the store's disk port, for tests: it counts, it fails where it is told, and it can be cut off
// from power: what was not synced then stays or goes sector by sector, as a caller decides.
import { basename } from "node:path";
import type { Disk, DiskFile } from "./disk-port.ts";

/** Something that changes the disk or makes it durable; `path` without its directory. */
export type DiskOperation = {
  readonly kind: "create" | "write" | "sync" | "truncate" | "unlink" | "sync-directory" | "read";
  readonly path: string;
};

export type MemoryDisk = Disk & {
  /** Since the disk was made. */
  readonly counts: { readonly syncs: number; readonly bytesWritten: number };
  /** Called before each operation; what it throws, the operation rejects with. A write that fails has written its first half. */
  watch(hook: (operation: DiskOperation) => void): void;
  /** What the next start finds after a power cut: all that was synced, and of the rest what `keeps` says, asked for each sector and name. */
  afterPowerCut(keeps: () => boolean): MemoryDisk;
  /** The bytes of a file as they are now, to look at and to change. */
  content(path: string): Buffer;
  /** Replaces a file, synced. */
  replace(path: string, content: Uint8Array): void;
  names(): readonly string[];
  segments(): readonly string[];
  /** Deletes what the index is made of. */
  loseIndex(): void;
};

type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number };
type Content = { bytes: Buffer; length: number };
type File = { readonly now: Content; readonly synced: Content; unsynced: Change[]; named: boolean };

const sectorBytes = 512;

/** An empty disk of `total` bytes, or one with these files. */
export function createMemoryDisk(total: number = 2 ** 40, content: ReadonlyMap<string, Buffer> = new Map()): MemoryDisk {
  const files = new Map<string, File>([...content].map(([name, bytes]) => [name, fileOf(bytes)]));
  // Unlinked, but the directory not synced since.
  const ghosts = new Map<string, File>();
  const counts = { syncs: 0, bytesWritten: 0 };
  let hook: (operation: DiskOperation) => void = () => {};
  const find = (path: string): File => {
    const file = files.get(basename(path));
    if (file === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
    return file;
  };
  const step = (kind: DiskOperation["kind"], path: string): void => hook({ kind, path: basename(path) });
  return {
    counts,
    watch: (next) => {
      hook = next;
    },
    open: async (path, mode) => {
      if (mode === "create") {
        step("create", path);
        files.set(basename(path), { ...fileOf(Buffer.alloc(0)), named: false });
      }
      return diskFile(find(path), (kind) => step(kind, path), counts);
    },
    list: async () => [...files.keys()],
    unlink: async (path) => {
      step("unlink", path);
      ghosts.set(basename(path), find(path));
      files.delete(basename(path));
    },
    syncDirectory: async (directory) => {
      step("sync-directory", directory);
      counts.syncs += 1;
      ghosts.clear();
      for (const file of files.values()) file.named = true;
    },
    statfs: async () => ({ free: total - [...files.values()].reduce((sum, { now }) => sum + now.length, 0), total }),
    afterPowerCut: (keeps) => {
      const left = [...files, ...ghosts].filter(([name, file]) => (files.has(name) && file.named) || keeps());
      return createMemoryDisk(total, new Map(left.map(([name, file]) => [name, survivors(file, keeps)])));
    },
    content: (path) => bytesOf(find(path).now),
    replace: (path, bytes) => void files.set(basename(path), fileOf(Buffer.from(bytes))),
    names: () => [...files.keys()].sort(),
    segments: () => [...files.keys()].filter((name) => name.startsWith("segment-")).sort(),
    loseIndex: () => {
      for (const name of files.keys()) if (!name.startsWith("segment-")) files.delete(name);
    },
  };
}

function fileOf(bytes: Buffer): File {
  const content = (): Content => ({ bytes: Buffer.from(bytes), length: bytes.length });
  return { now: content(), synced: content(), unsynced: [], named: true };
}

function bytesOf({ bytes, length }: Content): Buffer {
  return bytes.subarray(0, length);
}

function diskFile(file: File, step: (kind: DiskOperation["kind"]) => void, counts: { syncs: number; bytesWritten: number }): DiskFile {
  const change = (one: Change): void => {
    apply(file.now, one);
    file.unsynced.push(one);
    if ("bytes" in one) counts.bytesWritten += one.bytes.length;
  };
  const read = (target: Uint8Array, position: number): number => {
    step("read");
    return bytesOf(file.now).copy(target, 0, Math.min(position, file.now.length), position + target.length);
  };
  return {
    pread: async (target, position) => read(target, position),
    preadNow: read,
    pwritev: async (parts, position) => {
      const bytes = Buffer.concat(parts);
      try {
        step("write");
      } catch (error) {
        change({ at: position, bytes: bytes.subarray(0, bytes.length / 2) });
        throw error;
      }
      change({ at: position, bytes });
    },
    fdatasync: async () => {
      step("sync");
      counts.syncs += 1;
      for (const one of file.unsynced) apply(file.synced, one);
      file.unsynced = [];
    },
    truncate: async (length) => {
      step("truncate");
      change({ length });
    },
    size: async () => file.now.length,
    close: async () => {},
  };
}

function apply(content: Content, change: Change): void {
  const end = "length" in change ? change.length : change.at + change.bytes.length;
  if (end > content.bytes.length) {
    const more = Buffer.alloc(end * 2);
    content.bytes.copy(more, 0, 0, content.length);
    content.bytes = more;
  }
  if ("length" in change) {
    content.bytes.fill(0, Math.min(end, content.length), content.length);
    content.length = end;
    return;
  }
  content.bytes.set(change.bytes, change.at);
  content.length = Math.max(content.length, end);
}

function survivors({ synced, unsynced }: File, keeps: () => boolean): Buffer {
  const content: Content = { bytes: Buffer.from(synced.bytes), length: synced.length };
  for (const change of unsynced) {
    if ("length" in change) {
      if (keeps()) apply(content, change);
      continue;
    }
    for (let at = 0; at < change.bytes.length; at += sectorBytes)
      if (keeps()) apply(content, { at: change.at + at, bytes: change.bytes.subarray(at, at + sectorBytes) });
  }
  return bytesOf(content);
}
