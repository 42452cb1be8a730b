// What a start does before anybody is served: opens index and log, checks that they belong together, and reads again
// what the index does not know yet.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "../../protocol/address.ts";
import type { Log } from "../../runtime/log.ts";
import { type ChunkIndex, createChunkIndex } from "./chunk-index.ts";
import type { Disk } from "./disk-port.ts";
import type { IndexState } from "./index-books.ts";
import { createIndexFile, type IndexFile } from "./index-file.ts";
import { deleteIndex, type IndexFiles, openIndexFiles } from "./index-files.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { type EntryHead, entryBytes } from "./log-entry.ts";
import { scanSegment } from "./recovery.ts";
import { createSegmentLog, listSegments, type SegmentLog } from "./segment-log.ts";
import type { VaultAccounts } from "./vault-accounts.ts";

export type OpenLogOptions = {
  readonly directory: string;
  readonly disk: Disk;
  readonly segmentBytes: number;
  /** Changes kept in memory while the log is read. */
  readonly checkpointEntries: number;
  readonly accounts: VaultAccounts;
  readonly report: Log;
  /** Called with what makes the index unreadable, or its files unwritable. */
  failed(error: unknown): void;
};

/** `torn`: the notes to be written about chunks that were found torn, so that no later start takes them for whole. */
export type OpenedLog = {
  readonly log: SegmentLog;
  readonly index: ChunkIndex;
  readonly ledger: Ledger;
  readonly torn: readonly EntryHead[];
};
type Opened = Omit<OpenedLog, "torn">;

const emptyState: IndexState = { position: { segment: 0, offset: 0 }, accounts: new Map(), segments: new Map() };

/** Opens what is in `directory`, or makes it. Rejects with the system's error. */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { directory, disk, segmentBytes, accounts } = options;
  const segments = join(directory, "segments");
  await mkdir(segments, { recursive: true, mode: 0o700 });
  // A power cut must not take the folder with all that is synced inside it.
  await disk.syncDirectory(directory);
  const { file, state } = await openIndex(options, segments);
  try {
    for (const [vault, figures] of state.accounts) accounts.set(vault, figures);
    const log = createSegmentLog({ disk, directory: segments, segmentBytes }, state.segments, state.position.segment);
    const index = createChunkIndex(file);
    const ledger = createLedger({ index, accounts, log });
    const torn = await readAgain({ ...options, directory: segments }, { log, index, ledger }, state);
    return { log, index, ledger, torn };
  } catch (error) {
    await file.close();
    throw error;
  }
}

// The index is only a shortcut: one that cannot be read, or knows of bytes the log does not have, is made anew.
async function openIndex(options: OpenLogOptions, segments: string): Promise<{ file: IndexFile; state: IndexState }> {
  const { disk, report, failed } = options;
  const path = join(options.directory, "index");
  await mkdir(path, { recursive: true, mode: 0o700 });
  const files = await openIndexFiles(disk, path);
  const { state } = files.books();
  const opened = (of: IndexFiles): { file: IndexFile; state: IndexState } => ({
    file: createIndexFile(of, failed),
    state: of.books().state ?? emptyState,
  });
  const isNew = state === undefined && (await listSegments(disk, segments)).length === 0;
  if (isNew || (state !== undefined && (await covers(disk, segments, state)))) return opened(files);
  report.warn("the index of the chunk store is made again from the log");
  await files.close();
  await deleteIndex(disk, path);
  return opened(await openIndexFiles(disk, path));
}

// Whether every segment is there and as long as the index says.
async function covers(disk: Disk, directory: string, state: IndexState): Promise<boolean> {
  const log = createSegmentLog({ disk, directory, segmentBytes: 0 }, state.segments, state.position.segment);
  try {
    const present = new Set(await listSegments(disk, directory));
    for (const [segment, { end }] of state.segments)
      if (!present.has(segment) || (await log.files.use(segment, (file) => file.size())) < end) return false;
    return true;
  } finally {
    await log.close();
  }
}

async function readAgain(options: OpenLogOptions, opened: Opened, state: IndexState): Promise<readonly EntryHead[]> {
  const { disk, directory } = options;
  const present = await listSegments(disk, directory);
  const { position } = state;
  const torn = new Map<Address, EntryHead>();
  for (const segment of present) {
    if (segment < position.segment && !state.segments.has(segment)) await opened.log.unlink(segment);
    else if (segment >= position.segment) {
      const from = segment === position.segment ? position.offset : 0;
      const last = segment === present.at(-1);
      await readSegment(options, opened, { segment, from, last, verify: last || position.segment > 0, torn });
    }
  }
  return [...torn.values()];
}

type Reading = {
  readonly segment: number;
  readonly from: number;
  readonly last: boolean;
  readonly verify: boolean;
  /** Gets what is torn and has no note yet. */
  readonly torn: Map<Address, EntryHead>;
};

async function readSegment(options: OpenLogOptions, { log, index, ledger }: Opened, reading: Reading): Promise<void> {
  const { segment, from, last, torn } = reading;
  let end = from;
  await log.files.use(segment, async (file) => {
    const scan = scanSegment(file, reading);
    let step = await scan.next();
    for (; step.done !== true; step = await scan.next()) {
      const { head, offset, damaged } = step.value;
      end = offset + entryBytes(head);
      log.extend(segment, end);
      ledger.apply(head, { segment, offset }, damaged);
      torn.delete(head.address);
      if (damaged) torn.set(head.address, { ...head, kind: "torn", size: 0, layIn: segment });
      if (index.pending() >= options.checkpointEntries) await ledger.checkpoint();
    }
    if (step.value.gaps > 0) {
      options.report.warn("the log has bytes that are no entries", { segment, gaps: step.value.gaps });
      // Removals behind a gap are not believed when the index must be made again: none may be written there. A later
      // segment with entries is open again.
      log.seal();
    }
    const tail = (await file.size()) - end;
    if (tail > 0) options.report.warn("the log has a torn end", { segment, end, tail, cut: last });
    if (tail > 0 && last) await file.truncate(end);
    // What is served from here on must not be lost with the next power cut.
    if (tail > 0 || end > from) await file.fdatasync();
  });
  if (end > 0) return;
  // A segment that was begun and never written, whether the index knows of it or not.
  log.drop(segment);
  await log.unlink(segment);
}
