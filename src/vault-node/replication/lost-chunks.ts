// Chunks that this node lost and wants back: a few are fetched with each tick, and what nobody has now holds up no other.
import type { Address } from "../../protocol/address.ts";
import type { Log } from "../../runtime/log.ts";

export type LostChunksParts = {
  /** Whether a chunk is here again, or need not be. */
  fetch(address: Address): Promise<boolean>;
  readonly log: Pick<Log, "error">;
  /** Remembered at most; what is forgotten is found by comparing. */
  readonly chunksMax: number;
  readonly signal: AbortSignal;
};

export type LostChunks = {
  add(address: Address): void;
  /** Fetches the next ones unless that is under way. It waits for nobody and nobody for it: a slow holder must not hold up repair. */
  begin(): void;
  /** Resolves once nothing is under way. */
  idle(): Promise<void>;
};

/** Chunks brought back with each tick: a whole lost segment in a minute, and no more than 64 MiB a second. */
export const broughtBackPerTick = 16;

/** Nothing is lost yet. */
export function createLostChunks({ fetch, log, chunksMax, signal }: LostChunksParts): LostChunks {
  const lost = new Set<Address>();
  let bringing: Promise<void> | undefined;
  const bringBack = async (): Promise<void> => {
    for (const address of [...lost].slice(0, broughtBackPerTick)) {
      const isBack = await fetch(address);
      // To the end of those that wait.
      lost.delete(address);
      if (!isBack) lost.add(address);
    }
  };
  return {
    add: (address) => {
      if (lost.size < chunksMax) lost.add(address);
    },
    begin: () => {
      bringing ??= bringBack()
        .catch((cause: unknown) => {
          if (!signal.aborted) log.error("a lost chunk could not be kept again; it is tried again", { cause });
        })
        .finally(() => {
          bringing = undefined;
        });
    },
    idle: async () => bringing,
  };
}
