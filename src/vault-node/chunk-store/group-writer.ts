// Group commit: calls that come while a group is being written make up the next one, which costs one write and one sync
// however many they are. A call is never split over groups.
import type { ChunkIndex } from "./chunk-index.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { createGroupDraft, type GroupDraft } from "./group-draft.ts";
import type { Ledger } from "./ledger.ts";
import type { SegmentLog } from "./segment-log.ts";
import type { StoreHealth } from "./store-health.ts";
import type { StoreLimits } from "./store-limits.ts";

/** What a caller wants: decides against the draft, adds its entries, and says what the answer is once they are written, or were not. */
export type Job<T> = { readonly bytes: number; decide(draft: GroupDraft): (written: boolean) => T };

export type GroupWriter = {
  /** Resolves once the job's entries are on disk or failed. Rejects with a `ChunkStoreError` busy or closed. */
  submit<T>(job: Job<T>): Promise<T>;
  /** Brings the index file up to date with everything written before. */
  checkpoint(): Promise<void>;
  /** Takes no more jobs; resolves when those taken are done and the index file is up to date, as good as it goes. */
  close(): Promise<void>;
};

export type WriterParts = {
  readonly log: SegmentLog;
  readonly index: ChunkIndex;
  readonly ledger: Ledger;
  readonly health: StoreHealth;
  readonly limits: StoreLimits;
  /** Called after each group: dead bytes may have come up. */
  afterGroup(): void;
};

type Waiting = { readonly bytes: number; decide(draft: GroupDraft): (written: boolean) => void; reject(error: unknown): void };

type Checkpoints = {
  write(): Promise<void>;
  /** Begins a checkpoint where one is due. The index file falls behind by two batches at most: then the log waits for it. */
  keepUp(): Promise<void>;
};

function createCheckpoints({ ledger, index, limits, health }: WriterParts, writtenBytes: () => number): Checkpoints {
  let running: Promise<void> | undefined;
  let doneBytes = 0;
  const write = async (): Promise<void> => {
    while (running !== undefined) await running.catch(() => {});
    const upTo = writtenBytes();
    running = ledger.checkpoint();
    try {
      await running;
      doneBytes = upTo;
    } finally {
      running = undefined;
    }
  };
  const keepUp = async (): Promise<void> => {
    const due = index.pending() >= limits.checkpointEntries || writtenBytes() - doneBytes >= limits.checkpointBytes;
    if (!due || health.now().mode === "read-only") return;
    const busy = running !== undefined;
    const done = write().catch((error: unknown) => health.failed(error));
    if (busy) await done;
  };
  return { write, keepUp };
}

/** The only one that appends to the log. */
export function createGroupWriter(parts: WriterParts): GroupWriter {
  const { log, index, ledger, health, limits } = parts;
  const queue: Waiting[] = [];
  let queuedBytes = 0;
  let running: Promise<void> | undefined;
  let writtenBytes = 0;
  let closed = false;

  const checkpoints = createCheckpoints(parts, () => writtenBytes);
  const writeGroup = async (jobs: readonly Waiting[]): Promise<void> => {
    await health.look().catch((error: unknown) => health.failed(error));
    const draft = createGroupDraft(index);
    const settlers = jobs.map((job) => job.decide(draft));
    const written = draft.count() === 0 || (await append(draft));
    for (const settle of settlers) settle(written);
    await checkpoints.keepUp();
    parts.afterGroup();
  };
  const append = async (draft: GroupDraft): Promise<boolean> => {
    try {
      const at = await log.prepare(draft.bytes());
      await log.append(draft.parts(at));
      // From here to the end without a wait: a checkpoint must never see a log that is longer than the books.
      log.extend(at.segment, at.offset + draft.bytes());
      writtenBytes += draft.bytes();
      health.wrote(draft.bytes());
      let changed = false;
      for (const [head, position] of draft.entries(at)) changed = ledger.apply(head, position) || changed;
      if (changed) health.changed();
      return true;
    } catch (error) {
      for (const address of draft.going()) ledger.doubt(address);
      health.failed(error);
      return false;
    }
  };
  const takeGroup = (): Waiting[] => {
    let bytes = 0;
    let calls = 0;
    for (const job of queue) {
      if (calls > 0 && bytes + job.bytes > limits.groupBytesMax) break;
      bytes += job.bytes;
      calls += 1;
    }
    queuedBytes -= bytes;
    return queue.splice(0, calls);
  };
  const run = async (): Promise<void> => {
    // Calls of the same turn are in the first group already.
    await Promise.resolve();
    while (queue.length > 0) {
      const jobs = takeGroup();
      await writeGroup(jobs).catch((error: unknown) => {
        for (const job of jobs) job.reject(error);
      });
    }
    running = undefined;
  };
  return {
    submit: (job) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new ChunkStoreError("closed", "the chunk store has been closed"));
        if (queuedBytes + job.bytes > limits.queueBytesMax || queue.length >= limits.queueCallsMax)
          return reject(new ChunkStoreError("busy", `${queue.length} calls with ${queuedBytes} bytes wait to be written`));
        const decide = (draft: GroupDraft): ((written: boolean) => void) => {
          const answer = job.decide(draft);
          return (written) => resolve(answer(written));
        };
        queue.push({ bytes: job.bytes, decide, reject });
        queuedBytes += job.bytes;
        running ??= run();
      }),
    checkpoint: checkpoints.write,
    close: async () => {
      closed = true;
      await running;
      // An index left behind costs the next start some reading, and nothing else.
      if (health.now().mode === "writable") await checkpoints.write().catch((error: unknown) => health.failed(error));
    },
  };
}
