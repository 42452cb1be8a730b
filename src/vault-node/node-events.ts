// What happens in a vault node that somebody outside may want to count: handlers say it once, metrics and log hear it.
import type { Address } from "../protocol/address.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { MissingReason } from "../protocol/messages/get-chunks.ts";
import type { RefusalReason } from "../protocol/receipt.ts";
import type { Log } from "../runtime/log.ts";
import type { HandlerErrorCode } from "./errors.ts";
import { silentUpkeepEvents, type UpkeepEvents } from "./upkeep-events.ts";

export type NodeEvents = UpkeepEvents & {
  /** Chunks became durable (`held`: were so before) for a vault. */
  chunksKept(vault: VaultName, kept: { readonly stored: number; readonly held: number; readonly bytes: number }): void;
  chunksRefused(reason: RefusalReason, count: number): void;
  chunksServed(count: number, bytes: number): void;
  chunksMissed(reason: MissingReason, count: number): void;
  /** Chunks asked for that others took: it was said who. */
  chunksPointed(count: number): void;
  chunkDamaged(vault: VaultName, address: Address): void;
  /** A request that got no answer. */
  requestRejected(code: HandlerErrorCode): void;
  /** One call of the store's put: write, sync and index, seconds. */
  storePutTook(seconds: number): void;
};

/** Tells nobody. */
export const silentEvents: NodeEvents = {
  ...silentUpkeepEvents,
  chunksKept: () => {},
  chunksRefused: () => {},
  chunksServed: () => {},
  chunksMissed: () => {},
  chunksPointed: () => {},
  chunkDamaged: () => {},
  requestRejected: () => {},
  storePutTook: () => {},
};

/** Tells `events`, and the log of what a person should know. */
export function loggedEvents(events: NodeEvents, log: Log): NodeEvents {
  return {
    ...events,
    chunkDamaged: (vault, address) => {
      events.chunkDamaged(vault, address);
      log.warn("a chunk on disk is damaged and is not served", { vault, address });
    },
  };
}
