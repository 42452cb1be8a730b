// What the chunk store asks of a disk: a port so small that tests can hand in one that fills up, fails or tears writes.

export type DiskFile = {
  /** Fills `target` from `position` on as far as the file reaches; resolves with the bytes read. */
  pread(target: Uint8Array, position: number): Promise<number>;
  /** As `pread`, but the caller waits: for a page of the index, which the system has in memory as a rule. Throws the system's error. */
  preadNow(target: Uint8Array, position: number): number;
  /** Writes all parts one after another from `position` on. Rejects with the system's error; any part may be on the disk then. */
  pwritev(parts: readonly Uint8Array[], position: number): Promise<void>;
  fdatasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
};

/** Sizes in bytes; all methods reject with the system's error. */
export type Disk = {
  /** `create` makes a new, empty file; `write` and `read` open one that is there. */
  open(path: string, mode: "create" | "write" | "read"): Promise<DiskFile>;
  /** The names in a directory. */
  list(directory: string): Promise<readonly string[]>;
  unlink(path: string): Promise<void>;
  /** Makes what was created or unlinked in a directory durable. */
  syncDirectory(directory: string): Promise<void>;
  statfs(path: string): Promise<{ readonly free: number; readonly total: number }>;
};
