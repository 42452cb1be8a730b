// A large set of addresses in order, in pages of packed bytes, each address with the few peers that should hold it too.
// Each page keeps its sums for the peers last asked about, so that the sum of a range costs a look at each page, not at
// each address. About 60 bytes an address: 32 of itself, 2 a peer, the rest room in half-filled pages and sums.
import { hashLength } from "../../protocol/hash.ts";
import type { AddressRange, Bound } from "../../protocol/messages/compare-chunks.ts";
import { addAddress, addSum, emptySum, type RangeSum } from "./range-sum.ts";

/** A peer in short: a number from 1; 0 is nobody. */
export type PeerCode = number;

/** Addresses of a page: small enough to shift at an insertion, large enough that 10^6 addresses are 6,000 pages. */
export const pageItemsMax = 256;
// Sums a page keeps, for the peers asked about last: all of them in a small farm, 4 bytes an address in a large one.
const sumsPerPageMax = 16;

type Page = {
  count: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly peers: Uint16Array;
  readonly sums: Map<PeerCode, RangeSum>;
};

/** A cut of a range: the part up to `to`, with its sum. */
export type RangePart = AddressRange & { readonly sum: RangeSum };

export type AddressPages = {
  /** Puts an address in; false where it was there (its peers are set anew). */
  insert(address: Uint8Array, peers: readonly PeerCode[]): boolean;
  remove(address: Uint8Array): boolean;
  size(): number;
  /** How many addresses should be at this peer too. */
  countOf(peer: PeerCode): number;
  /** The sum over the addresses of a range that should be at `peer` too. */
  sum(peer: PeerCode, range: AddressRange): RangeSum;
  /** At most `max` of these addresses, in order. */
  list(peer: PeerCode, range: AddressRange, max: number): readonly Uint8Array[];
  /** Cuts a range into at most `parts` with about the same number of these addresses; the first gets `firstShare` (0 to 1) of that. */
  split(peer: PeerCode, range: AddressRange, cut: { readonly parts: number; readonly firstShare: number }): readonly RangePart[];
  /** At most `max` addresses of a range, whoever else should have them. */
  addresses(range: AddressRange, max: number): readonly Uint8Array[];
  /** Asks anew for the peers of each address, page by page; ends early where `next` is false after a page. */
  refresh(peersOf: (address: Uint8Array) => readonly PeerCode[], next: () => Promise<boolean>): Promise<boolean>;
};

/** An empty set; `width`: peers an address can have. */
export function createAddressPages(width: number): AddressPages {
  const set: PageSet = { width, pages: [], counts: [], size: 0 };
  return {
    insert: (address, peers) => insert(set, address, peers),
    remove: (address) => remove(set, address),
    size: () => set.size,
    countOf: (peer) => set.counts[peer] ?? 0,
    sum: (peer, range) => sumOf(set, peer, range),
    list: (peer, range, max) => listOf(set, range, { max, wanted: (page, at) => isFor(set, page, at, peer) }),
    split: (peer, range, cut) => split(set, peer, range, cut),
    addresses: (range, max) => listOf(set, range, { max, wanted: () => true }),
    refresh: (peersOf, next) => refresh(set, peersOf, next),
  };
}

type PageSet = { readonly width: number; readonly pages: Page[]; readonly counts: number[]; size: number };

function newPage(width: number): Page {
  const bytes = Buffer.alloc(pageItemsMax * hashLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { count: 0, bytes, view, peers: new Uint16Array(pageItemsMax * width), sums: new Map() };
}

function compareAt({ bytes }: Page, at: number, bound: Bound): number {
  return bytes.compare(bound, 0, bound.length, at * hashLength, (at + 1) * hashLength);
}

/** The first page whose last address is not below `bound`. */
function pageAt({ pages }: PageSet, bound: Bound): number {
  let [low, high] = [0, pages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const page = pages[middle];
    if (page !== undefined && compareAt(page, page.count - 1, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first item of the page that is not below `bound`. */
function itemAt(page: Page, bound: Bound): number {
  let [low, high] = [0, page.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareAt(page, middle, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(set: PageSet, address: Uint8Array, peers: readonly PeerCode[]): boolean {
  const index = Math.min(pageAt(set, address), Math.max(0, set.pages.length - 1));
  const page = set.pages[index] ?? newPage(set.width);
  set.pages[index] = page;
  const at = itemAt(page, address);
  if (at < page.count && compareAt(page, at, address) === 0) {
    setPeers(set, page, at, peers);
    return false;
  }
  if (page.count === pageItemsMax) {
    divide(set, index, at);
    return insert(set, address, peers);
  }
  const { width } = set;
  page.bytes.copyWithin((at + 1) * hashLength, at * hashLength, page.count * hashLength);
  page.bytes.set(address, at * hashLength);
  page.peers.copyWithin((at + 1) * width, at * width, page.count * width);
  page.peers.fill(0, at * width, (at + 1) * width);
  page.count += 1;
  set.size += 1;
  setPeers(set, page, at, peers);
  return true;
}

// In half; where addresses come in order (a store that is read at the start), full pages stay full.
function divide(set: PageSet, index: number, at: number): void {
  const page = set.pages[index];
  if (page === undefined) return;
  const isLast = index === set.pages.length - 1 && at === page.count;
  const keep = isLast ? page.count - 1 : page.count >> 1;
  const next = newPage(set.width);
  next.bytes.set(page.bytes.subarray(keep * hashLength, page.count * hashLength));
  next.peers.set(page.peers.subarray(keep * set.width, page.count * set.width));
  next.count = page.count - keep;
  page.count = keep;
  page.sums.clear();
  set.pages.splice(index + 1, 0, next);
}

function remove(set: PageSet, address: Uint8Array): boolean {
  const index = pageAt(set, address);
  const page = set.pages[index];
  if (page === undefined) return false;
  const at = itemAt(page, address);
  if (at >= page.count || compareAt(page, at, address) !== 0) return false;
  setPeers(set, page, at, []);
  page.bytes.copyWithin(at * hashLength, (at + 1) * hashLength, page.count * hashLength);
  page.peers.copyWithin(at * set.width, (at + 1) * set.width, page.count * set.width);
  page.count -= 1;
  set.size -= 1;
  if (page.count === 0) set.pages.splice(index, 1);
  return true;
}

function setPeers(set: PageSet, page: Page, at: number, peers: readonly PeerCode[]): void {
  const { width, counts } = set;
  for (let slot = 0; slot < width; slot += 1) {
    const before = page.peers[at * width + slot] ?? 0;
    if (before !== 0 && !peers.includes(before)) count(before, -1);
  }
  const before = page.peers.slice(at * width, (at + 1) * width);
  for (const peer of peers) if (!before.includes(peer)) count(peer, 1);
  for (let slot = 0; slot < width; slot += 1) page.peers[at * width + slot] = peers[slot] ?? 0;

  function count(peer: PeerCode, sign: 1 | -1): void {
    counts[peer] = (counts[peer] ?? 0) + sign;
    const sum = page.sums.get(peer);
    if (sum !== undefined) addAddress(sum, page.view, at * hashLength, sign);
  }
}

function isFor({ width }: PageSet, { peers }: Page, at: number, peer: PeerCode): boolean {
  for (let slot = at * width; slot < (at + 1) * width; slot += 1) if (peers[slot] === peer) return true;
  return false;
}

function pageSum(set: PageSet, page: Page, peer: PeerCode): RangeSum {
  const known = page.sums.get(peer);
  if (known !== undefined) return known;
  const sum = itemsSum(set, page, peer, [0, page.count]);
  const [oldest] = page.sums.keys();
  if (page.sums.size >= sumsPerPageMax && oldest !== undefined) page.sums.delete(oldest);
  page.sums.set(peer, sum);
  return sum;
}

function itemsSum(set: PageSet, page: Page, peer: PeerCode, [start, end]: readonly [number, number]): RangeSum {
  const sum = emptySum();
  for (let at = start; at < end; at += 1) if (isFor(set, page, at, peer)) addAddress(sum, page.view, at * hashLength, 1);
  return sum;
}

type Piece = { readonly page: Page; readonly start: number; readonly end: number };

/** The pages of a range, and which of their items belong to it. */
function* pieces(set: PageSet, { from, to }: AddressRange): Generator<Piece> {
  for (let index = pageAt(set, from); index < set.pages.length; index += 1) {
    const page = set.pages[index];
    if (page === undefined) return;
    const start = compareAt(page, 0, from) < 0 ? itemAt(page, from) : 0;
    const isCut = to.length > 0 && compareAt(page, page.count - 1, to) >= 0;
    const end = isCut ? itemAt(page, to) : page.count;
    if (start < end) yield { page, start, end };
    if (isCut) return;
  }
}

function pieceSum(set: PageSet, { page, start, end }: Piece, peer: PeerCode): RangeSum {
  return start === 0 && end === page.count ? pageSum(set, page, peer) : itemsSum(set, page, peer, [start, end]);
}

function sumOf(set: PageSet, peer: PeerCode, range: AddressRange): RangeSum {
  const sum = emptySum();
  for (const piece of pieces(set, range)) addSum(sum, pieceSum(set, piece, peer));
  return sum;
}

type Listing = { readonly max: number; wanted(page: Page, at: number): boolean };

function listOf(set: PageSet, range: AddressRange, { max, wanted }: Listing): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const { page, start, end } of pieces(set, range))
    for (let at = start; at < end; at += 1) {
      if (found.length >= max) return found;
      if (wanted(page, at)) found.push(itemBytes(page, at));
    }
  return found;
}

function itemBytes({ bytes }: Page, at: number): Uint8Array {
  return new Uint8Array(bytes.subarray(at * hashLength, (at + 1) * hashLength));
}

type Cut = { readonly parts: number; readonly firstShare: number };

function split(set: PageSet, peer: PeerCode, range: AddressRange, { parts, firstShare }: Cut): readonly RangePart[] {
  const total = sumOf(set, peer, range).count;
  const each = Math.max(1, Math.ceil(total / parts));
  const cuts: RangePart[] = [];
  let [from, last] = [range.from, range.from];
  let sum = emptySum();
  let quota = Math.max(1, Math.ceil(each * firstShare));
  const close = (to: Bound): void => {
    cuts.push({ from, to, sum });
    [from, sum, quota] = [to, emptySum(), each];
  };
  for (const piece of pieces(set, range)) {
    const whole = pieceSum(set, piece, peer);
    if (sum.count + whole.count <= quota) {
      addSum(sum, whole);
      last = itemBytes(piece.page, piece.end - 1);
      continue;
    }
    for (let at = piece.start; at < piece.end; at += 1) {
      if (isFor(set, piece.page, at, peer)) {
        if (sum.count >= quota && cuts.length < parts - 1) close(between(last, itemBytes(piece.page, at)));
        addAddress(sum, piece.page.view, at * hashLength, 1);
      }
      last = itemBytes(piece.page, at);
    }
  }
  close(range.to);
  return cuts;
}

/** The shortest bound above `low` that is not above `high`. */
function between(low: Uint8Array, high: Uint8Array): Bound {
  let length = 0;
  while (length < high.length && low[length] === high[length]) length += 1;
  return high.slice(0, length + 1);
}

async function refresh(
  set: PageSet,
  peersOf: (address: Uint8Array) => readonly PeerCode[],
  next: () => Promise<boolean>,
): Promise<boolean> {
  // By address, not by number: pages come and go while others have their turn.
  let from: Bound = new Uint8Array(0);
  for (;;) {
    const page = set.pages[pageAt(set, from)];
    if (page === undefined) return true;
    const start = itemAt(page, from);
    for (let at = start; at < page.count; at += 1) setPeers(set, page, at, peersOf(itemBytes(page, at)));
    const last = itemBytes(page, page.count - 1);
    if (!(await next())) return false;
    from = after(last);
    if (from.length === 0) return true;
  }
}

/** The address behind this one; no bytes behind the last. */
function after(address: Uint8Array): Bound {
  const next = new Uint8Array(address);
  for (let at = next.length - 1; at >= 0; at -= 1) {
    const byte = (next[at] ?? 0) + 1;
    next[at] = byte & 0xff;
    if (byte < 256) return next;
  }
  return new Uint8Array(0);
}
