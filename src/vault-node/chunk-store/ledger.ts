// The books of the store: index, accounts of the vaults and dead bytes of the segments, moved on together by each entry
// of the log. A start that reads the log again and a running store do it with the same few lines.
import type { Address } from "../../protocol/address.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { Place } from "./index-page.ts";
import { type EntryHead, entryBytes, entryHeaderBytes } from "./log-entry.ts";
import type { LogPosition, SegmentFigures, SegmentLog } from "./segment-log.ts";
import type { VaultAccounts } from "./vault-accounts.ts";

export type Ledger = {
  /** Books the entry that begins at `at`; true where a vault's fullness changed. `damaged`: its bytes fail their checksum. */
  apply(head: EntryHead, at: LogPosition, damaged?: boolean): boolean;
  /** Notes that a chunk's bytes are damaged, unless it has moved since; `lost`: its segment is about to go. */
  markDamaged(address: Address, place: Place, lost?: boolean): void;
  /** Notes that nobody knows whether a removal is on disk: the chunk does not count as held, and is put anew when it comes. */
  doubt(address: Address): void;
  /** Writes the books to the index file. */
  checkpoint(): Promise<void>;
};

export type LedgerParts = { readonly index: ChunkIndex; readonly accounts: VaultAccounts; readonly log: SegmentLog };

/** Books over these parts. */
export function createLedger({ index, accounts, log }: LedgerParts): Ledger {
  const forget = (address: Address): boolean => {
    const old = index.find(address);
    if (old === undefined) return false;
    log.addDead(old.segment, entryBytes(old));
    index.set(address, null);
    return accounts.subtract(old.vault, old.size);
  };
  return {
    apply: (head, at, damaged = false) => {
      if (head.kind !== "put") {
        log.addNote(at.segment, entryBytes(head));
        // Copied on by compaction, the note may stand behind a newer copy, which it is not about.
        const place = index.find(head.address);
        if (place === undefined || place.segment > head.layIn) return false;
        if (head.kind === "remove") return forget(head.address);
        index.set(head.address, { ...place, damaged: true });
        return false;
      }
      const emptied = forget(head.address);
      const { size, vault, storedAtMs } = head;
      index.set(head.address, { segment: at.segment, offset: at.offset + entryHeaderBytes, size, vault, storedAtMs, damaged });
      // Moved or written anew, a chunk leaves the figures as they were.
      return accounts.add(vault, size) !== emptied;
    },
    markDamaged: (address, place, lost = false) => {
      if (!samePlace(index.find(address), place)) return;
      index.set(address, { ...place, segment: lost ? 0 : place.segment, damaged: true });
    },
    doubt: (address) => {
      const place = index.find(address);
      if (place !== undefined) index.set(address, { ...place, damaged: true });
    },
    checkpoint: () => index.checkpoint({ position: log.position(), accounts: accounts.figures(), segments: figuresNow(log) }),
  };
}

// Copies, since the log goes on while they are written: what comes behind the position is read again, and must not be counted twice.
function figuresNow(log: SegmentLog): ReadonlyMap<number, SegmentFigures> {
  return new Map([...log.segments()].map(([segment, figures]) => [segment, { ...figures }]));
}

/** Whether two places are the same spot of the log. */
export function samePlace(a: Place | undefined, b: Place | undefined): boolean {
  return a !== undefined && b !== undefined && a.segment === b.segment && a.offset === b.offset;
}
