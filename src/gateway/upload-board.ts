// The progress of uploads under names their senders choose, so that a page can watch its own upload through a second
// request. Whoever knows the name may watch: senders choose one that cannot be guessed.
import type { PutProgress, StoredObject } from "../client/farm-client.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { GatewayError, type ProblemCode } from "./errors.ts";
import { coalesceMs } from "./limits.ts";

/** The address is left out on purpose: it is the key, and goes to the sender only. */
export type UploadEvent =
  | { readonly event: "progress"; readonly data: PutProgress }
  | { readonly event: "stored"; readonly data: Pick<StoredObject, "bytes" | "chunks" | "copies" | "sent"> }
  | { readonly event: "failed"; readonly data: { readonly code: ProblemCode; readonly detail: string } };

export type UploadReporter = {
  progress(progress: PutProgress): void;
  stored(object: StoredObject): void;
  failed(error: GatewayError): void;
};

export type UploadBoard = {
  /** The reporter of an upload that begins, which ends with `stored` or `failed`. A new upload under a name replaces the old one. */
  begin(id: string): UploadReporter;
  /** Calls `listener` with the latest event (if any) and each further one, until the returned function is called. */
  watch(id: string, listener: (event: UploadEvent) => void): () => void;
  stop(): void;
};

type Entry = {
  latest?: UploadEvent;
  due?: Timer;
  forget?: Timer;
  /** Uploads of this name under way. */
  uploads: number;
  readonly listeners: Set<(event: UploadEvent) => void>;
};

const idPattern = /^[A-Za-z0-9_-]{8,64}$/;

/** `text` as the name of an upload, or undefined. */
export function parseUploadId(text: string): string | undefined {
  return idPattern.test(text) ? text : undefined;
}

/** The oldest entry that is missed least: one that nobody watches, best of an upload that has ended. */
function leastMissed(entries: ReadonlyMap<string, Entry>): readonly [string, Entry] | undefined {
  const unwatched = [...entries].filter(([, { listeners }]) => listeners.size === 0);
  return unwatched.find(([, { uploads }]) => uploads === 0) ?? unwatched[0];
}

/** A board of at most `watchedMax` uploads, each forgotten `memoryMs` after its last change, or earlier where it is missed least. */
export function createUploadBoard(clock: Clock, limits: { readonly watchedMax: number; readonly memoryMs: number }): UploadBoard {
  const entries = new Map<string, Entry>();
  const forgetLater = (id: string, entry: Entry): void => {
    entry.forget?.cancel();
    entry.forget = clock.after(limits.memoryMs, () => {
      // Somebody still watches: an upload may rest longer than memory lasts.
      if (entry.listeners.size > 0) forgetLater(id, entry);
      else drop(id, entry);
    });
  };
  const drop = (id: string, entry: Entry): void => {
    entry.forget?.cancel();
    entry.due?.cancel();
    if (entries.get(id) === entry) entries.delete(id);
  };
  // An upload is worth more than the memory of another.
  const makeRoom = (): void => {
    const found = leastMissed(entries);
    if (found === undefined) throw new GatewayError("busy", `${limits.watchedMax} uploads are watched already; try again soon`);
    drop(...found);
  };
  const entryOf = (id: string): Entry => {
    const known = entries.get(id);
    if (known !== undefined) return known;
    if (entries.size >= limits.watchedMax) makeRoom();
    const entry: Entry = { uploads: 0, listeners: new Set() };
    entries.set(id, entry);
    forgetLater(id, entry);
    return entry;
  };
  const tell = (entry: Entry): void => {
    entry.due?.cancel();
    delete entry.due;
    if (entry.latest !== undefined) for (const listener of [...entry.listeners]) listener(entry.latest);
  };
  const report = (id: string, entry: Entry, event: UploadEvent): void => {
    entry.latest = event;
    if (event.event !== "progress") tell(entry);
    else entry.due ??= clock.after(coalesceMs, () => tell(entry));
    if (event.event !== "progress") forgetLater(id, entry);
  };
  return {
    begin: (id) => {
      const entry = entryOf(id);
      delete entry.latest;
      entry.uploads += 1;
      const end = (event: UploadEvent): void => {
        entry.uploads -= 1;
        report(id, entry, event);
      };
      return {
        progress: (data) => report(id, entry, { event: "progress", data }),
        stored: ({ bytes, chunks, copies, sent }) => end({ event: "stored", data: { bytes, chunks, copies, sent } }),
        failed: ({ code, message }) => end({ event: "failed", data: { code, detail: message } }),
      };
    },
    watch: (id, listener) => {
      const entry = entryOf(id);
      entry.listeners.add(listener);
      if (entry.latest !== undefined) listener(entry.latest);
      return () => entry.listeners.delete(listener);
    },
    stop: () => {
      for (const [id, entry] of entries) drop(id, entry);
    },
  };
}
