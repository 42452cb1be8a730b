// What a start does before anybody is served: opens index and log, checks that they belong together, and reads again
// what the index does not know yet.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../runtime/log.ts";
import { type ChunkIndex, createChunkIndex } from "./chunk-index.ts";
import type { Disk } from "./disk-port.ts";
import { canBeMapped, markerPath, noteReading } from "./index-check.ts";
import { deleteIndexFile, type IndexFile, type IndexState, openIndexFile } from "./index-file.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { entryBytes } from "./log-entry.ts";
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
};

export type OpenedLog = { readonly log: SegmentLog; readonly index: ChunkIndex; readonly ledger: Ledger };

const emptyState: IndexState = { position: { segment: 0, offset: 0 }, accounts: new Map(), segments: new Map() };

/** Opens what is in `directory`, or makes it. Rejects with the system's error. */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { directory, disk, segmentBytes, accounts } = options;
  const segments = join(directory, "segments");
  await mkdir(segments, { recursive: true, mode: 0o700 });
  const { file, state } = await openIndex(options, segments);
  try {
    for (const [vault, figures] of state.accounts) accounts.set(vault, figures);
    const log = createSegmentLog({ disk, directory: segments, segmentBytes }, state.segments, state.position.segment);
    const index = createChunkIndex(file);
    const ledger = createLedger({ index, accounts, log });
    await readAgain({ ...options, directory: segments }, { log, index, ledger }, state);
    await rm(markerPath(join(directory, "index")), { force: true });
    return { log, index, ledger };
  } catch (error) {
    await file.close();
    throw error;
  }
}

// The index is only a shortcut: one that cannot be read, or knows of bytes the log does not have, is made anew.
async function openIndex(options: OpenLogOptions, segments: string): Promise<{ file: IndexFile; state: IndexState }> {
  const path = join(options.directory, "index");
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    if (!(await canBeMapped(path))) throw new RangeError("the index file is torn, or ended the last start");
    await noteReading(path);
    const file = openIndexFile(path);
    const state = file.state();
    const rest = (await listSegments(options.disk, segments)).length > 0;
    if (state === undefined ? !rest : await covers(options.disk, segments, state)) return { file, state: state ?? emptyState };
    await file.close();
  } catch (cause) {
    options.report.warn("the index of the chunk store cannot be read", { cause });
  }
  options.report.warn("the index of the chunk store is made again from the log");
  await deleteIndexFile(path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return { file: openIndexFile(path), state: emptyState };
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

async function readAgain(options: OpenLogOptions, opened: OpenedLog, state: IndexState): Promise<void> {
  const { disk, directory } = options;
  const present = await listSegments(disk, directory);
  const { position } = state;
  for (const segment of present) {
    if (segment < position.segment && !state.segments.has(segment)) await opened.log.unlink(segment);
    else if (segment >= position.segment) {
      const from = segment === position.segment ? position.offset : 0;
      const last = segment === present.at(-1);
      await readSegment(options, opened, { segment, from, last, verify: last || position.segment > 0, anew: position.segment === 0 });
    }
  }
}

/** An index made anew is written in batches so much larger: its pages are touched in no order, each batch most of them. */
const batchesAnew = 4;

type Reading = {
  readonly segment: number;
  readonly from: number;
  readonly last: boolean;
  readonly verify: boolean;
  readonly anew: boolean;
};

async function readSegment(options: OpenLogOptions, { log, index, ledger }: OpenedLog, reading: Reading): Promise<void> {
  const { segment, from, last } = reading;
  const batch = options.checkpointEntries * (reading.anew ? batchesAnew : 1);
  let end = from;
  await log.files.use(segment, async (file) => {
    const scan = scanSegment(file, reading);
    let step = await scan.next();
    for (; step.done !== true; step = await scan.next()) {
      const { head, offset, damaged } = step.value;
      end = offset + entryBytes(head);
      log.extend(segment, end);
      ledger.apply(head, { segment, offset }, damaged);
      if (index.pending() >= batch) await ledger.checkpoint();
    }
    if (step.value.gaps > 0) {
      options.report.warn("the log has bytes that are no entries", { segment, gaps: step.value.gaps });
      // Removals behind a gap are not believed when the index must be made again: none may be written there. A later
      // segment with entries is open again.
      log.seal();
    }
    const torn = (await file.size()) - end;
    if (torn > 0) options.report.warn("the log has a torn end", { segment, end, torn, cut: last });
    if (torn > 0 && last) await file.truncate(end);
    // What is served from here on must not be lost with the next power cut.
    if (torn > 0 || end > from) await file.fdatasync();
  });
  if (end > 0) return;
  // A segment that was begun and never written, whether the index knows of it or not.
  log.drop(segment);
  await log.unlink(segment);
}
