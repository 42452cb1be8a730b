// Keeps the record cache up to date: written when nodes come, go or move, not when their figures change, so that an idle
// farm writes nothing.
import type { NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { MembershipLimits } from "./membership-limits.ts";
import type { RecordCache } from "./record-cache.ts";

export type CacheKeeper = {
  load(): Promise<readonly Uint8Array[]>;
  /** Looks whether anything worth keeping changed, and saves it, at most every `cacheEveryMs`. */
  tick(): void;
  /** Saves what is left to save. */
  stop(): Promise<void>;
};

export type CacheKeeperParts = {
  readonly cache: RecordCache | undefined;
  readonly records: () => Iterable<NodeRecord>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Nothing is kept where there is no cache. */
export function createCacheKeeper({ cache, records, clock, log }: CacheKeeperParts, limits: MembershipLimits): CacheKeeper {
  let saved = new Map<PeerId, number>();
  let lastMs = Number.NEGATIVE_INFINITY;
  let saving: Promise<void> | undefined;

  const isChanged = (): boolean => {
    let count = 0;
    for (const { peerId, startCounter } of records()) {
      count += 1;
      if (saved.get(peerId) !== startCounter) return true;
    }
    return count !== saved.size;
  };
  const save = async (): Promise<void> => {
    if (cache === undefined || !isChanged()) return;
    const all = [...records()];
    const marks = new Map(all.map(({ peerId, startCounter }) => [peerId, startCounter]));
    lastMs = clock.monotonicMs();
    try {
      await cache.save(all.map(({ bytes }) => bytes));
      saved = marks;
    } catch (cause) {
      log.warn("the record cache cannot be written", { cause });
    }
  };
  const tick = (): void => {
    if (saving !== undefined || clock.monotonicMs() - lastMs < limits.cacheEveryMs) return;
    saving = save().finally(() => {
      saving = undefined;
    });
  };
  const stop = async (): Promise<void> => {
    await saving;
    await save();
  };
  return { load: async () => (await cache?.load()) ?? [], tick, stop };
}
