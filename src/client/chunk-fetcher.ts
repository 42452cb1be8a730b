// Fetches chunks for readers: out of the caller's cache, else from holders; small chunks asked for in one turn of the
// event loop are shared out so that few nodes, and so few messages, are asked.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { createChunkQuestion } from "./chunk-question.ts";
import { type ChunkReadParts, readChunk } from "./chunk-read.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { createHedgeBudget } from "./hedge-budget.ts";
import { createPeerPaces, type PaceClass } from "./peer-pace.ts";
import { settledHolders, shareHolders } from "./read-decision.ts";
import { createRecentSet } from "./recent-set.ts";
import type { FetchedChunk } from "./self-encryption/sealed-object.ts";
import { shareFetches } from "./shared-fetch.ts";

/** A cache of chunk bytes by address that the caller owns; the bytes in it are never changed. */
export type ChunkCache = {
  get(address: string): Uint8Array | undefined;
  /** What lies further away, such as on a disk: verified bytes, or undefined. Never rejects. */
  find?(address: Address): Promise<Uint8Array | undefined>;
  put(address: string, bytes: Uint8Array): void;
};

export type ChunkFetcher = {
  /** Verified bytes. `kind`: what size is expected. Rejects with a `ClientError` (see `readChunk`). */
  fetch(address: Address, kind: PaceClass, signal: AbortSignal): Promise<FetchedChunk>;
};

type Gathered = { readonly address: Address; readonly tell: (peer: PeerId | undefined) => void };

/** A fetcher with estimates of its own. */
export function createChunkFetcher(parts: CustomerParts, cache: ChunkCache | undefined): ChunkFetcher {
  const paces = createPeerPaces(parts.clock);
  const hedges = createHedgeBudget({ share: parts.limits.hedgeShare, burst: parts.limits.hedgeBurst });
  const readParts: ChunkReadParts = { ...parts, paces, hedges, question: createChunkQuestion(parts, paces) };
  const readBefore = createRecentSet<Address>(parts.limits.readBeforeMax);
  let gathered: Gathered[] = [];

  const shareOut = (): void => {
    const round = gathered;
    gathered = [];
    const { directory } = parts.membership;
    const holders = round.map(({ address }) =>
      settledHolders(directory.closest(address, parts.genesis.copies.target, "read").holders)
        .map(({ peer }) => peer)
        .filter((peer) => !parts.distrusts(peer)),
    );
    const shared = shareHolders(holders, (peer) => paces.cost(peer, "small"));
    round.forEach(({ tell }, index) => {
      tell(shared[index]);
    });
  };
  const firstHolder = (address: Address): Promise<PeerId | undefined> => {
    if (gathered.length === 0) queueMicrotask(shareOut);
    return new Promise((tell) => gathered.push({ address, tell }));
  };
  const fetchAbsent = async (address: Address, kind: PaceClass, signal: AbortSignal): Promise<FetchedChunk> => {
    const found = await cache?.find?.(address);
    if (found !== undefined) return { bytes: found, release: () => {} };
    const prefer = kind === "small" ? await firstHolder(address) : undefined;
    const chunk = await readChunk(readParts, { address, kind, prefer }, signal);
    // Copying a large chunk costs as much as decrypting it, and one reading of a large object would push everything else
    // out: a large chunk is kept from its second reading on.
    if (chunk.bytes.length <= parts.limits.smallObjectMax || readBefore.has(address)) cache?.put(address, new Uint8Array(chunk.bytes));
    else readBefore.add(address);
    return chunk;
  };
  const share = shareFetches(fetchAbsent);
  return {
    fetch: async (address, kind, signal) => {
      const known = cache?.get(address);
      return known === undefined ? share(address, kind, signal) : { bytes: known, release: () => {} };
    },
  };
}
