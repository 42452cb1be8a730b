// Whether the store may write. A full disk, and a process that is short of something, heal by themselves; a failing disk stays
// read-only until the next start, because nobody knows what its cache has dropped. Whoever listens hears each change.
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { StoreHealth as Health } from "./chunk-store.ts";
import { freeReserve, freeSpaceAgeMs, segmentBytesMax } from "./store-limits.ts";

export type Space = { readonly free: number; readonly total: number };

export type StoreHealth = {
  now(): Health;
  /** Takes note of a failed write, sync or look: read-only from now on, or for a while where it says nothing against the disk. */
  failed(error: unknown): void;
  /** Whether `bytes` more leave the reserve free, by the last look at the disk. */
  hasRoom(bytes: number): boolean;
  /** Looks at the disk unless that was done a moment ago. A disk that cannot be looked at any more has failed: then what it last said. */
  look(): Promise<Space>;
  /** Subtracts own writes from the last look. */
  wrote(bytes: number): void;
  /** Fullness or the like changed: tells the listeners. */
  changed(): void;
  onChange(listener: () => void): () => void;
  stop(): void;
};

export type HealthParts = { readonly clock: Clock; readonly log: Log; statfs(): Promise<Space> };

const noSpaceCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
/** The longest rest between two tries to write where there should be room. */
const restMaxMs = 60_000;

const passingCodes: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"]);

/** Whether an error says that the process or the machine is short of something, and nothing about the disk. */
export function isPassing(error: unknown): boolean {
  return passingCodes.has(codeOf(error));
}

/** The health of a store that starts writable. */
export function createStoreHealth({ clock, log, statfs }: HealthParts): StoreHealth {
  const listeners = new Set<() => void>();
  let health: Health = { mode: "writable" };
  let space: Space = { free: Number.POSITIVE_INFINITY, total: 0 };
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let broken = false;
  let restMs = freeSpaceAgeMs;
  let wasFull = false;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const failed = (cause: unknown): void => {
    const code = codeOf(cause) ?? "unknown error";
    const [full, short] = [noSpaceCodes.has(code), isPassing(cause)];
    const heals = full || short;
    // What is said against a disk while it is only full holds when it has room again.
    if (health.mode === "read-only" && (heals || broken)) return;
    const waits = health.mode === "read-only";
    broken = !heals;
    wasFull = full;
    health = {
      mode: "read-only",
      why: full ? "the disk is full" : short ? `this machine is short of something (${code})` : `the disk fails (${code})`,
    };
    log.error("the chunk store takes no more chunks", { why: health.why, cause });
    if (heals && !waits) {
      waitForRoom(restMs);
      // Some disks tell of room that a write does not get, as under a quota: it is tried less and less often.
      restMs = Math.min(restMs * 2, restMaxMs);
    }
    changed();
  };
  const look = async (): Promise<Space> => {
    if (clock.monotonicMs() - lookedAtMs < freeSpaceAgeMs) return space;
    try {
      space = await statfs();
    } catch (cause) {
      // A disk that was there and is gone, or a folder removed under the store, fails; the node goes on telling so.
      if (space.total === 0) throw cause;
      if (!isPassing(cause)) failed(cause);
    }
    lookedAtMs = clock.monotonicMs();
    return space;
  };
  const hasRoom = (bytes: number): boolean => space.free - bytes >= freeReserve(space.total);
  // Puts wait for the reserve anyway. What makes room, removals and compaction, must not wait for it.
  const hasRoomToWork = (): boolean => hasRoom(0) || space.free >= segmentBytesMax;
  const lookAgain = async (): Promise<void> => {
    lookedAtMs = Number.NEGATIVE_INFINITY;
    await look().catch(() => {});
    if (stopped || broken) return;
    if (wasFull && !hasRoomToWork()) return waitForRoom(freeSpaceAgeMs);
    health = { mode: "writable" };
    log.info("the chunk store writes again");
    changed();
  };
  const waitForRoom = (ms: number): void => void clock.after(ms, () => void lookAgain());
  return {
    now: () => health,
    failed,
    hasRoom,
    look,
    wrote: (bytes) => {
      restMs = freeSpaceAgeMs;
      space = { ...space, free: space.free - bytes };
    },
    changed,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: () => {
      stopped = true;
      listeners.clear();
    },
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
