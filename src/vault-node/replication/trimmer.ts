// Drops copies that are one too many, each only after `target` others proved that they hold the chunk.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import type { ReplicationEvents } from "./replication-events.ts";

/** A copy to drop, and who must prove first that it holds the chunk. */
export type Surplus = { readonly address: Address; readonly proofs: readonly PeerId[] };

export type TrimParts = {
  readonly auditor: Auditor;
  readonly store: Pick<ChunkStore, "remove" | "info">;
  readonly events: ReplicationEvents;
  /** Whether a node is there and what it holds stays, now: proofs take a while, and who gave one may be about to leave. */
  stays(peer: PeerId): boolean;
};

/** Drops those of which every proof came. Rejects with the signal's reason, or where the own store fails. */
export async function trim({ auditor, store, events, stays }: TrimParts, surplus: readonly Surplus[], signal: AbortSignal): Promise<void> {
  const asked = new Map<PeerId, Address[]>();
  for (const { address, proofs } of surplus)
    for (const peer of proofs) {
      const list = asked.get(peer) ?? [];
      list.push(address);
      asked.set(peer, list);
    }
  const proven = new Map<PeerId, ReadonlySet<Address>>();
  await Promise.all(
    [...asked].map(async ([peer, chunks]) => {
      const verdicts = await auditor.audit({ peer, chunks }, signal);
      proven.set(peer, new Set(chunks.filter((_, i) => verdicts[i] === "proven")));
    }),
  );
  for (const { address, proofs } of surplus) {
    const isProven = proofs.length > 0 && proofs.every((peer) => stays(peer) && proven.get(peer)?.has(address) === true);
    if (signal.aborted || !isProven) continue;
    const size = store.info(address)?.size ?? 0;
    if (await store.remove(address)) events.trimmed(1, size);
  }
}
