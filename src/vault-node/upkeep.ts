// Upkeep: everything by which a node finds out that copies are missing, lost or rotten, here and at others, put together.
// What it finds goes to a `Mender`; it changes nothing at other nodes itself.
import type { Directory } from "../network/directory.ts";
import type { Handler, Peers, RequestKind } from "../network/peers.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { type Comparer, createCompareHandler, createComparer } from "./reconciliation/comparer.ts";
import { idleMender, type Mender } from "./reconciliation/mender.ts";
import { reconciliationLimits } from "./reconciliation/reconciliation-limits.ts";
import { createSharedChunks } from "./reconciliation/shared-chunks.ts";
import { watchStore } from "./reconciliation/watched-store.ts";

export type UpkeepParts = {
  readonly genesis: Genesis;
  readonly peers: Pick<Peers, "self" | "request">;
  readonly directory: Directory;
  readonly store: ChunkStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
};

export type Upkeep = {
  /** The store, to be used instead of the one handed in, so that the inventory stays right. */
  readonly store: ChunkStore;
  readonly comparer: Comparer;
  /** The handlers of what peers ask about upkeep. */
  readonly handlers: readonly (readonly [RequestKind, Handler])[];
  /** Hands findings to `mender` from now on. */
  mendWith(mender: Mender): void;
  start(): void;
  stop(): void;
};

/** Upkeep of a node at rest. */
export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { genesis, peers, directory, clock } = parts;
  let mender: Mender = idleMender;
  const shared = createSharedChunks({ ...parts, self: peers.self, copies: genesis.copies }, reconciliationLimits);
  const store = watchStore(parts.store, {
    added: shared.add,
    removed: shared.remove,
    spoilt: (address) => {
      shared.remove(address);
      mender.lostHere(address);
    },
  });
  const comparer = createComparer({ ...parts, shared });
  const isNode = (peer: PeerId): boolean => (directory.node(peer)?.record.vaults.length ?? 0) > 0;
  return {
    store,
    comparer,
    handlers: [["compare-chunks", createCompareHandler({ shared, clock, isNode })]],
    mendWith: (chosen) => {
      mender = chosen;
    },
    start: shared.start,
    stop: shared.stop,
  };
}
