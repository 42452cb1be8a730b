// Packed places: each place is 64 bits of its address and the slot of its vault, kept sorted in pages by its first 12
// bits, and walked outwards from an address in XOR order. 12 bytes a place; an insertion or removal touches one page.
import type { Address } from "./address.ts";

/** The first 64 bits of an address or place, as two unsigned 32-bit numbers. Two places that agree in all 64 are as good as equal (2^-64 a pair). */
export type PlaceKey = { readonly high: number; readonly low: number };

/** Shows the slots of the places, nearest first; true ends the walk. */
export type PlaceVisitor = (slot: number) => boolean;

export type PlacePages = {
  /** Puts in a place by the two numbers of its key: not as one object, because a node's hundreds would be garbage at once. */
  insert(high: number, low: number, slot: number): void;
  /** Removes what `insert` put in; anything else is ignored. */
  remove(high: number, low: number, slot: number): void;
  /** Walks in order of XOR distance to `key`. True where the visitor ended it. */
  walk(key: PlaceKey, visit: PlaceVisitor): boolean;
  /** Bytes taken by all pages. */
  bytes(): number;
};

// 4,096 pages: 3.2 million places make about 780 a page, so that inserting moves some kilobytes; walking over the empty
// pages of a small farm costs about a nanosecond each.
const pageBits = 12;
const pageCount = 1 << pageBits;
const highestBitInPage = 63 - pageBits;
const words = 3;
// A range of up to this many places is sorted by distance rather than split further.
const leafMax = 12;
// A full page grows by an eighth, and four places.
const grown = (count: number): number => count + (count >>> 3) + 4;

type Page = { entries: Uint32Array<ArrayBuffer>; count: number };

/** The key of 32 bytes. */
export function placeKey(bytes: Uint8Array): PlaceKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return { high: view.getUint32(0), low: view.getUint32(4) };
}

/** The key of an address. */
export function addressKey(address: Address): PlaceKey {
  return { high: Number.parseInt(address.slice(0, 8), 16), low: Number.parseInt(address.slice(8, 16), 16) };
}

/** Empty pages. `before` orders slots whose places are equal, so that a walk is the same whatever was inserted first. */
export function createPlacePages(before: (a: number, b: number) => boolean): PlacePages {
  const pages: (Page | undefined)[] = new Array(pageCount).fill(undefined);
  const pageOf = (high: number): number => high >>> (32 - pageBits);
  const insert = (high: number, low: number, slot: number): void => {
    const page = pages[pageOf(high)] ?? { entries: new Uint32Array(words), count: 0 };
    pages[pageOf(high)] = page;
    insertInPage(page, high, low, slot);
  };
  const remove = (high: number, low: number, slot: number): void => {
    const page = pages[pageOf(high)];
    if (page === undefined) return;
    removeFromPage(page, high, low, slot);
    if (page.count === 0) pages[pageOf(high)] = undefined;
  };
  const walk = (key: PlaceKey, visit: PlaceVisitor): boolean => {
    const own = pageOf(key.high);
    const walker = createWalker(key, before, visit);
    // Pages in XOR order of their prefix: all places of one page are nearer than all of the next.
    for (let distance = 0; distance < pageCount; distance++) {
      const page = pages[own ^ distance];
      if (page !== undefined && walker(page.entries, 0, page.count, highestBitInPage)) return true;
    }
    return false;
  };
  const bytes = (): number => pages.reduce((sum, page) => sum + (page?.entries.byteLength ?? 0), 0);
  return { insert, remove, walk, bytes };
}

function insertInPage(page: Page, high: number, low: number, slot: number): void {
  const at = firstNotBelow(page, high, low) * words;
  const end = page.count * words;
  if (end === page.entries.length) page.entries = resized(page, grown(page.count));
  page.entries.copyWithin(at + words, at, end);
  page.entries[at] = high;
  page.entries[at + 1] = low;
  page.entries[at + 2] = slot;
  page.count += 1;
}

function removeFromPage(page: Page, high: number, low: number, slot: number): void {
  const { entries } = page;
  for (let index = firstNotBelow(page, high, low); index < page.count; index++) {
    const at = index * words;
    if (entries[at] !== high || entries[at + 1] !== low) return;
    if (entries[at + 2] !== slot) continue;
    entries.copyWithin(at, at + words, page.count * words);
    page.count -= 1;
    if (entries.length > 2 * words * grown(page.count)) page.entries = resized(page, grown(page.count));
    return;
  }
}

function resized(page: Page, capacity: number): Uint32Array<ArrayBuffer> {
  const entries = new Uint32Array(capacity * words);
  entries.set(page.entries.subarray(0, page.count * words));
  return entries;
}

/** Index of the first place whose key is not below {high, low}. */
function firstNotBelow(page: Page, high: number, low: number): number {
  const { entries } = page;
  let from = 0;
  let to = page.count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const first = entries[middle * words] ?? 0;
    const below = first !== high ? first < high : (entries[middle * words + 1] ?? 0) < low;
    if (below) from = middle + 1;
    else to = middle;
  }
  return from;
}

type Walker = (entries: Uint32Array, from: number, to: number, bit: number) => boolean;

/** Walks a range of sorted places that agree above `bit`: the half on the address's side of the bit is nearer, whole, than the other. */
function createWalker(key: PlaceKey, before: (a: number, b: number) => boolean, visit: PlaceVisitor): Walker {
  const nearer = nearerTo(key, before);
  const walkRange: Walker = (entries, from, to, highestBit) => {
    let bit = highestBit;
    while (to - from > leafMax && bit >= 0) {
      const split = firstWithBit(entries, from, to, bit);
      const ones = ((bit >= 32 ? key.high >>> (bit - 32) : key.low >>> bit) & 1) === 1;
      bit -= 1;
      if (split === from || split === to) continue;
      if (ones) return walkRange(entries, split, to, bit) || walkRange(entries, from, split, bit);
      return walkRange(entries, from, split, bit) || walkRange(entries, split, to, bit);
    }
    return showLeaf(entries, from, to);
  };
  const showLeaf = (entries: Uint32Array, from: number, to: number): boolean => {
    for (const index of sortedByDistance(entries, from, to, nearer)) if (visit(entries[index * words + 2] ?? 0)) return true;
    return false;
  };
  return walkRange;
}

function firstWithBit(entries: Uint32Array, from: number, to: number, bit: number): number {
  const word = bit >= 32 ? 0 : 1;
  const shift = bit & 31;
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((((entries[middle * words + word] ?? 0) >>> shift) & 1) === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Nearer = (entries: Uint32Array, a: number, b: number) => boolean;

/** Whether the place at index `a` is nearer to `key` than the one at `b`. */
function nearerTo(key: PlaceKey, before: (a: number, b: number) => boolean): Nearer {
  return (entries, a, b) => {
    const high = ((entries[a * words] ?? 0) ^ key.high) >>> 0;
    const otherHigh = ((entries[b * words] ?? 0) ^ key.high) >>> 0;
    if (high !== otherHigh) return high < otherHigh;
    const low = ((entries[a * words + 1] ?? 0) ^ key.low) >>> 0;
    const otherLow = ((entries[b * words + 1] ?? 0) ^ key.low) >>> 0;
    return low !== otherLow ? low < otherLow : before(entries[a * words + 2] ?? 0, entries[b * words + 2] ?? 0);
  };
}

/** Indices of a small range, nearest first. (Places that agree in all 64 bits may make it larger.) */
function sortedByDistance(entries: Uint32Array, from: number, to: number, nearer: Nearer): readonly number[] {
  const order: number[] = [];
  for (let index = from; index < to; index++) order.push(index);
  if (order.length > leafMax) return order.sort((a, b) => (nearer(entries, a, b) ? -1 : 1));
  for (let i = 1; i < order.length; i++) {
    const moving = order[i] ?? 0;
    let at = i;
    for (; at > 0 && nearer(entries, moving, order[at - 1] ?? 0); at--) order[at] = order[at - 1] ?? 0;
    order[at] = moving;
  }
  return order;
}
