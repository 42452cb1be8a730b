// The asking side of a comparison, without the network: which ranges to ask about next, and what the answers say. An
// answer that leads nowhere or contradicts itself ends it with a fault.
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { hashLength } from "../../protocol/hash.ts";
import { comparePartsMax, compareRangesMax } from "../../protocol/limits.ts";
import {
  type AddressRange,
  type Bound,
  type CompareChunksReply,
  type FingerprintedRange,
  rangeFingerprintLength,
} from "../../protocol/messages/compare-chunks.ts";
import { fingerprintOf } from "./range-sum.ts";
import type { ReconciliationLimits } from "./reconciliation-limits.ts";
import type { SharedSet } from "./shared-chunks.ts";

/** Addresses that only one of the two has; both ascend where they were found. */
export type Differences = { readonly onlyMine: readonly Address[]; readonly onlyTheirs: readonly Address[] };

/** malformed: an answer that no honest peer gives · not-converged: cut after cut without an end. */
export type ComparisonFault = { readonly kind: "fault"; readonly code: "malformed" | "not-converged"; readonly why: string };

export type Comparison = {
  /** What to ask now; empty once all is known. */
  next(): readonly FingerprintedRange[];
  /** Takes the answer to the ranges given last; a fault ends the comparison. */
  take(reply: Pick<CompareChunksReply, "considered" | "lists" | "splits">): ComparisonFault | undefined;
  differences(): Differences;
  /** False where more differed than one comparison brings home: what is beyond is for the next one. */
  isWhole(): boolean;
};

type Open = FingerprintedRange & { readonly depth: number };

const everything: AddressRange = { from: new Uint8Array(0), to: new Uint8Array(0) };

/**
 * A comparison of `set` with a peer's. `firstShare` (0 to 1, drawn anew each time): how much of an even part the first
 * range gets, so that nobody knows beforehand where ranges begin and end.
 */
export function createComparison(set: SharedSet, firstShare: number, limits: ReconciliationLimits): Comparison {
  const onlyMine: Address[] = [];
  const onlyTheirs: Address[] = [];
  let isWhole = true;
  let asked: readonly Open[] = [];
  let open: Open[] = cutOwn(set, everything, { depth: 0, firstShare });
  const next = (): readonly FingerprintedRange[] => {
    asked = open.slice(0, compareRangesMax);
    open = open.slice(asked.length);
    return asked;
  };
  const take: Comparison["take"] = ({ considered, lists, splits }) => {
    if (considered < 1 || considered > asked.length) return malformed(`${considered} of ${asked.length} ranges considered`);
    const seen = new Set<number>();
    const found: Open[] = [];
    for (const { range: index } of [...lists, ...splits]) {
      if (index >= considered || seen.has(index)) return malformed("two answers to one range, or to one not considered");
      seen.add(index);
    }
    for (const { range: index, chunks } of lists) {
      const range = asked[index];
      const theirs = range === undefined ? undefined : readList(range, chunks, limits);
      if (range === undefined || theirs === undefined) return malformed("a list that is not of its range");
      isWhole = compareLists(set, { range, theirs, limits }, { onlyMine, onlyTheirs }) && isWhole;
    }
    for (const { range: index, bounds, fingerprints } of splits) {
      const range = asked[index];
      if (range === undefined || !cutsInside(range, bounds)) return malformed("a range that is not cut inside");
      if (range.depth >= limits.depthMax) return { kind: "fault", code: "not-converged", why: `cut ${range.depth} times without an end` };
      found.push(...differing(set, { range, bounds, fingerprints }, limits));
    }
    open = [...found, ...asked.slice(considered), ...open];
    return undefined;
  };
  return { next, take, differences: () => ({ onlyMine, onlyTheirs }), isWhole: () => isWhole };
}

function malformed(why: string): ComparisonFault {
  return { kind: "fault", code: "malformed", why };
}

/** A range of mine in parts, each with my fingerprint. */
function cutOwn(set: SharedSet, range: AddressRange, { depth, firstShare }: { depth: number; firstShare: number }): Open[] {
  return set
    .split(range, { parts: comparePartsMax, firstShare })
    .map(({ from, to, sum }) => ({ from, to, fingerprint: fingerprintOf(sum), depth }));
}

/** The addresses of a list, or undefined where they are too many, not of the range or do not ascend. */
export function readList({ from, to }: AddressRange, chunks: Uint8Array, limits: ReconciliationLimits): readonly Uint8Array[] | undefined {
  if (chunks.length % hashLength !== 0 || chunks.length > limits.listItemsMax * hashLength) return undefined;
  const list: Uint8Array[] = [];
  for (let offset = 0; offset < chunks.length; offset += hashLength) {
    const address = chunks.slice(offset, offset + hashLength);
    const before = list.at(-1);
    const isBelow = before === undefined ? Buffer.compare(address, from) < 0 : Buffer.compare(address, before) <= 0;
    if (isBelow || (to.length > 0 && Buffer.compare(address, to) >= 0)) return undefined;
    list.push(address);
  }
  return list;
}

type Found = { readonly onlyMine: Address[]; readonly onlyTheirs: Address[] };

type Lists = { readonly range: AddressRange; readonly theirs: readonly Uint8Array[]; readonly limits: ReconciliationLimits };

/** Whether all of the range was compared: a peer without anything has a short list for a range in which this node has millions. */
function compareLists(set: SharedSet, { range, theirs, limits }: Lists, found: Found): boolean {
  const room = limits.differencesMax - found.onlyMine.length - found.onlyTheirs.length;
  if (room <= 0) return false;
  const max = room + limits.listItemsMax;
  const list = set.list(range, max);
  const end = list.length < max ? undefined : list.at(-1);
  const mine = new Set(list.map(addressFromBytes));
  const compared = theirs.filter((address) => end === undefined || Buffer.compare(address, end) <= 0);
  for (const address of compared.map(addressFromBytes)) if (!mine.delete(address)) found.onlyTheirs.push(address);
  for (const address of mine) found.onlyMine.push(address);
  return end === undefined;
}

/** Whether bounds cut a range: ascending, none of them its beginning or end. */
export function cutsInside({ from, to }: AddressRange, bounds: readonly Bound[]): boolean {
  let last = from;
  for (const bound of bounds) {
    if (Buffer.compare(bound, last) <= 0) return false;
    last = bound;
  }
  return to.length === 0 || Buffer.compare(last, to) < 0;
}

type Split = { readonly range: Open; readonly bounds: readonly Bound[]; readonly fingerprints: Uint8Array };

/** The parts of a split that differ here; large ones are cut on this side too, which saves a round. */
function differing(set: SharedSet, { range, bounds, fingerprints }: Split, limits: ReconciliationLimits): Open[] {
  const found: Open[] = [];
  for (let part = 0; part <= bounds.length; part += 1) {
    const own: AddressRange = { from: bounds[part - 1] ?? range.from, to: bounds[part] ?? range.to };
    const sum = set.sum(own);
    const mine = fingerprintOf(sum);
    if (equalBytes(mine, fingerprints.subarray(part * rangeFingerprintLength, (part + 1) * rangeFingerprintLength))) continue;
    const depth = range.depth + 1;
    if (sum.count > limits.listItemsMax) found.push(...cutOwn(set, own, { depth, firstShare: 1 }));
    else found.push({ ...own, fingerprint: mine, depth });
  }
  return found;
}
