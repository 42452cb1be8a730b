// Keeps pointers: a vault without room that refuses a chunk looks a moment later who took it instead, and remembers that, so that
// whoever asks here is sent there. Nobody is believed about it: those around are asked who holds it, and readers verify. A
// pointer whose chunk is here, or with nobody any more, is dropped.
import type { Directory } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { rareLog } from "../../runtime/rare-log.ts";
import { openPointerBook, type PointerBook, pointerBytes, pointerRoom } from "./pointer-book.ts";
import type { PointerFile } from "./pointer-file.ts";
import { createPointerLooks, type PointerLimits, type PointerShelf, pointerLimits } from "./pointer-looks.ts";
import { createTakerIndex } from "./taker-index.ts";

/** A vault of this node, and where its pointers lie. */
export type PointedVault = { readonly vault: VaultName; readonly capacity: number; readonly file: PointerFile };

/** The books of a node's vaults, read from their files. */
export type PointerBooks = ReadonlyMap<VaultName, PointerBook>;

/** Opens the books of these vaults. Rejects where a file cannot be read. */
export async function openPointerBooks(vaults: readonly PointedVault[], log: Log): Promise<PointerBooks> {
  const onFailed = (cause: unknown): void => log.warn("a pointer could not be written; it is in memory until the next start", { cause });
  const books = new Map<VaultName, PointerBook>();
  for (const { vault, capacity, file } of vaults) books.set(vault, await openPointerBook(file, pointerRoom(capacity), onFailed));
  return books;
}

export type PointersParts = {
  readonly books: PointerBooks;
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Directory;
  readonly policy: CopiesPolicy;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this node holds a chunk. */
  holds(address: Address): boolean;
};

export type Pointers = {
  /** A vault of this node has no room for a chunk that is its own. */
  refused(vault: VaultName, address: Address): void;
  /** Chunks are here now: nobody need be pointed elsewhere. */
  arrived(addresses: readonly Address[]): void;
  /** The live node that took a chunk instead of this one; undefined where none is known. */
  takerOf(address: Address): PeerId | undefined;
  /** The vault whose pointer it is. */
  vaultOf(address: Address): VaultName | undefined;
  /** Bytes of a vault's pointers on disk. */
  bytesOf(vault: VaultName): number;
  count(): number;
  start(): void;
  /** Resolves once all is written. */
  stop(): Promise<void>;
};

/** Pointers at rest. */
export function createPointers(parts: PointersParts, limits: PointerLimits = pointerLimits): Pointers {
  const { books, clock } = parts;
  const log = rareLog(parts.log, clock);
  const takers = createTakerIndex(parts.directory);
  const vaultOf = (address: Address): VaultName | undefined => {
    for (const [vault, book] of books) if (book.get(address) !== undefined) return vault;
    return undefined;
  };
  const bookWith = (address: Address): PointerBook | undefined => {
    const vault = vaultOf(address);
    return vault === undefined ? undefined : books.get(vault);
  };
  const takerOf = (address: Address): PeerId | undefined => {
    const taker = bookWith(address)?.get(address);
    return taker === undefined ? undefined : takers.peerOf(taker);
  };
  const addresses = (): readonly Address[] => [...books.values()].flatMap((book) => [...book.addresses()]);
  const shelf: PointerShelf = { bookOf: (vault) => books.get(vault), bookWith, takerOf, addresses };
  const looks = createPointerLooks({ ...parts, shelf }, limits);
  const stopping = new AbortController();
  let timer: Timer | undefined;
  let looking: Promise<void> = Promise.resolve();
  const again = (): void => {
    if (stopping.signal.aborted) return;
    timer = clock.after(limits.tickMs, () => {
      looking = looks.look(stopping.signal).catch((cause: unknown) => {
        if (!stopping.signal.aborted) log.warn("looking who took refused chunks failed; it goes on with the next look", { cause });
      });
      void looking.then(again);
    });
  };
  return {
    refused: looks.refused,
    arrived: (arrived) => {
      for (const address of arrived) {
        looks.forget(address);
        bookWith(address)?.remove(address);
      }
    },
    takerOf,
    vaultOf,
    bytesOf: (vault) => (books.get(vault)?.count() ?? 0) * pointerBytes,
    count: () => [...books.values()].reduce((sum, book) => sum + book.count(), 0),
    start: again,
    stop: async () => {
      stopping.abort();
      timer?.cancel();
      await looking;
      await Promise.all([...books.values()].map((book) => book.close()));
    },
  };
}
