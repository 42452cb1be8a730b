// What this node holds, in order, and with whom it should share each chunk: read from the store at the start, kept up to
// date by every put and removal, and asked anew of the directory when places change.
import type { Directory } from "../../network/directory.ts";
import { type Address, addressBytes, addressFromBytes } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { AddressRange } from "../../protocol/messages/compare-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { type AddressPages, createAddressPages, type PeerCode, type RangePart } from "./address-pages.ts";
import { watchPlacement } from "./placement-watch.ts";
import type { RangeSum } from "./range-sum.ts";
import type { ReconciliationLimits } from "./reconciliation-limits.ts";

/** The chunks held here that one peer should hold too. */
export type SharedSet = {
  count(): number;
  sum(range: AddressRange): RangeSum;
  list(range: AddressRange, max: number): readonly Uint8Array[];
  split(range: AddressRange, cut: { readonly parts: number; readonly firstShare: number }): readonly RangePart[];
};

export type SharedChunks = {
  /** Whether all chunks are in, each with the holders of now. */
  ready(): boolean;
  /** Resolves once `ready`; rejects with the signal's reason. */
  whenReady(signal: AbortSignal): Promise<void>;
  add(address: Address): void;
  remove(address: Address): void;
  with(peer: PeerId): SharedSet;
  /** At most `max` addresses from `range`, in order, whoever shares them. */
  addresses(range: AddressRange, max: number): readonly Address[];
  size(): number;
  /** See placement-watch.ts. */
  placement(): Uint8Array;
  start(): void;
  stop(): void;
};

export type SharedChunksParts = {
  readonly self: PeerId;
  readonly store: Pick<ChunkStore, "addresses" | "info">;
  readonly directory: Directory;
  readonly copies: CopiesPolicy;
  readonly clock: Clock;
};

// A 16-bit code a peer; more peers than a directory has nodes come and go only over a long life.
const codesMax = 60_000;
// At the start a page a turn, as at every change of places.
const addressesPerTurn = 256;

/** The peers among the intended holders of an address, oneself left out; nobody where oneself is none. Pure for one state of the directory. */
export function sharersOf({ directory, copies, self }: SharedChunksParts, address: Address): readonly PeerId[] {
  // Who is away or suspected comes back: for what should be held where it counts until it is gone.
  const { holders } = directory.closest(address, copies.target, "all");
  const peers = holders.map(({ peer }) => peer);
  return peers.includes(self) ? peers.filter((peer) => peer !== self) : [];
}

/** Nothing yet; `start` reads the store. */
export function createSharedChunks(parts: SharedChunksParts, limits: ReconciliationLimits): SharedChunks {
  const { directory, copies, clock } = parts;
  const reading = createReading(parts.store);
  const pages = createAddressPages(Math.max(1, copies.target - 1));
  const codes = createCodes();
  const stopping = new AbortController();
  let waiting: PromiseWithResolvers<void> = Promise.withResolvers();
  let isReady = false;
  let loaded = false;
  let working = false;
  let dirty = false;
  let timer: Timer | undefined;
  const peersOf = (address: Address): readonly PeerCode[] => sharersOf(parts, address).map(codes.of);
  const rest = async (): Promise<boolean> => {
    await clock.sleep(limits.pageRestMs, stopping.signal);
    return !dirty;
  };
  const load = async (): Promise<void> => {
    let seen = 0;
    for (const address of reading.addresses()) {
      pages.insert(addressBytes(address), peersOf(address));
      seen += 1;
      if (seen % addressesPerTurn === 0) await clock.sleep(limits.pageRestMs, stopping.signal);
    }
    loaded = true;
  };
  const work = async (): Promise<void> => {
    working = true;
    try {
      if (!loaded) await load();
      while (dirty) {
        dirty = false;
        if (codes.count() > codesMax) codes.clear();
        // A change meanwhile begins it again, after the same pause.
        if (!(await pages.refresh((address) => peersOf(addressFromBytes(address)), rest)))
          await clock.sleep(limits.replaceDelayMs, stopping.signal);
      }
      isReady = true;
      waiting.resolve();
    } finally {
      working = false;
    }
  };
  const begin = (): void => {
    timer = undefined;
    if (!working) work().catch(again);
  };
  // A store that cannot be read for a moment: whoever waits to compare would wait for ever.
  const again = (): void => {
    dirty = true;
    if (!stopping.signal.aborted) timer ??= clock.after(limits.replaceDelayMs, begin);
  };
  const moved = (): void => {
    dirty = true;
    if (isReady) waiting = Promise.withResolvers();
    isReady = false;
    timer ??= clock.after(limits.replaceDelayMs, begin);
  };
  const watch = watchPlacement(directory, moved);
  return {
    ready: () => isReady,
    whenReady: (signal) => orAborted(waiting.promise, signal),
    add: (address) => {
      reading.came(address);
      pages.insert(addressBytes(address), peersOf(address));
    },
    remove: (address) => {
      reading.went(address);
      pages.remove(addressBytes(address));
    },
    with: (peer) => sharedSetOf(pages, codes.of(peer)),
    addresses: (range, max) => pages.addresses(range, max).map(addressFromBytes),
    size: pages.size,
    placement: watch.digest,
    start: () => {
      timer ??= clock.after(0, begin);
    },
    stop: () => {
      watch.stop();
      timer?.cancel();
      stopping.abort();
    },
  };
}

function sharedSetOf(pages: AddressPages, code: PeerCode): SharedSet {
  return {
    count: () => pages.countOf(code),
    sum: (range) => pages.sum(code, range),
    list: (range, max) => pages.list(code, range, max),
    split: (range, cut) => pages.split(code, range, cut),
  };
}

type Reading = { addresses(): Iterable<Address>; came(address: Address): void; went(address: Address): void };

/** Reads a store without what is removed meanwhile: it names what was held at the call, or a little later. */
function createReading(store: SharedChunksParts["store"]): Reading {
  let gone: Set<Address> | undefined;
  return {
    addresses: function* () {
      const since = new Set<Address>();
      gone = since;
      for (const address of store.addresses()) if (!since.has(address)) yield address;
      gone = undefined;
    },
    came: (address) => void gone?.delete(address),
    went: (address) => void gone?.add(address),
  };
}

function createCodes(): { of(peer: PeerId): PeerCode; count(): number; clear(): void } {
  const codes = new Map<PeerId, PeerCode>();
  const of = (peer: PeerId): PeerCode => {
    const code = codes.get(peer) ?? codes.size + 1;
    codes.set(peer, code);
    return code;
  };
  return { of, count: () => codes.size, clear: () => codes.clear() };
}

function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", abort));
}
