// What a node holds that another one, which is to stop, should hold too, by who else should: made when a second source asks, kept for
// a moment, one leaver at a time. Both ends decide who should by the same rule, so that equal holdings have equal fingerprints.
import type { Directory } from "../../network/directory.ts";
import { type Address, addressBytes } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { createAddressPages } from "../reconciliation/address-pages.ts";
import type { SharedSet } from "../reconciliation/shared-chunks.ts";

export type LeaverSetsParts = {
  readonly self: PeerId;
  readonly store: Pick<ChunkStore, "addresses">;
  readonly directory: Pick<Directory, "closest">;
  readonly copies: CopiesPolicy;
  readonly clock: Clock;
};

export type LeaverSets = {
  /**
   * Chunks held here that `leaver` and `other` should hold (`other` = `leaver`: all of the leaver's own; null: those that are none of
   * its own). Undefined where another leaver's are being made, or were just now.
   */
  setOf(leaver: PeerId, other: PeerId | null): Promise<SharedSet | undefined>;
};

/** The nodes that should hold a chunk without `leaver`; undefined where it is none of those that should now. Pure for one directory. */
export function othersOf(
  { directory, copies }: Pick<LeaverSetsParts, "directory" | "copies">,
  address: Address,
  leaver: PeerId,
): readonly PeerId[] | undefined {
  // One more than the target: without the leaver it is the target.
  const near = directory.closest(address, copies.target + 1, "all").holders.map(({ peer }) => peer);
  return near.includes(leaver) ? near.filter((peer) => peer !== leaver) : undefined;
}

// What is asked for within this is answered from what was made; another leaver waits for so long.
const keptMs = 20_000;
const chunksPerTurn = 500;

type Made = { readonly leaver: PeerId; readonly madeMs: number; readonly sets: Promise<(other: PeerId | null) => SharedSet> };

/** Nothing is made yet. */
export function createLeaverSets(parts: LeaverSetsParts): LeaverSets {
  const { clock } = parts;
  let made: Made | undefined;
  return {
    setOf: async (leaver, other) => {
      const isOld = made === undefined || clock.monotonicMs() - made.madeMs >= keptMs;
      if (made?.leaver !== leaver && !isOld) return undefined;
      if (isOld) made = { leaver, madeMs: clock.monotonicMs(), sets: makeSets(parts, leaver) };
      return (await made?.sets)?.(other);
    },
  };
}

async function makeSets(parts: LeaverSetsParts, leaver: PeerId): Promise<(other: PeerId | null) => SharedSet> {
  const { self, store, clock, copies } = parts;
  // The leaver itself and each other; what is none of its own has a number too.
  const pages = createAddressPages(copies.target + 1);
  const codes = new Map<PeerId | null, number>();
  const codeOf = (peer: PeerId | null): number => {
    const code = codes.get(peer) ?? codes.size + 1;
    codes.set(peer, code);
    return code;
  };
  let walked = 0;
  for (const address of store.addresses()) {
    walked += 1;
    if (walked % chunksPerTurn === 0) await clock.sleep(0);
    const others = othersOf(parts, address, leaver);
    // A node that stays has nothing to say of what is not its own.
    const sharers = self === leaver ? (others ?? [null]) : (others?.filter((peer) => peer === self) ?? []);
    if (sharers.length > 0) pages.insert(addressBytes(address), [leaver, ...sharers].map(codeOf));
  }
  return (other) => {
    const code = codeOf(other);
    return {
      count: () => pages.countOf(code),
      sum: (range) => pages.sum(code, range),
      list: (range, max) => pages.list(code, range, max),
      split: (range, cut) => pages.split(code, range, cut),
    };
  };
}
