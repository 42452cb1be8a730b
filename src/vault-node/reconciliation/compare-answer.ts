// The answering side of a comparison: for each range asked about, nothing where both are the same, the addresses held
// here where they are few, finer fingerprints where they are many. Keeps nothing between two messages. Pure.
import { concatBytes, equalBytes } from "../../protocol/bytes.ts";
import { hashLength } from "../../protocol/hash.ts";
import { compareListsBytesMax, comparePartsMax } from "../../protocol/limits.ts";
import type { Bound, CompareChunksReply, FingerprintedRange } from "../../protocol/messages/compare-chunks.ts";
import { fingerprintOf } from "./range-sum.ts";
import type { ReconciliationLimits } from "./reconciliation-limits.ts";
import type { SharedSet } from "./shared-chunks.ts";

type Findings = Pick<CompareChunksReply, "considered" | "lists" | "splits">;

// Cuts of one answer: with 21 bytes each and 16 parts a cut 128 KiB, beside as much of lists.
const splitsMax = 256;

/** Why ranges break the protocol, or undefined: they must not be empty, must ascend and not overlap. */
export function rangesFault(ranges: readonly FingerprintedRange[]): string | undefined {
  let end: Bound | undefined;
  for (const { from, to } of ranges) {
    if (end !== undefined && (end.length === 0 || Buffer.compare(from, end) < 0)) return "ranges that overlap or do not ascend";
    if (to.length > 0 && Buffer.compare(from, to) >= 0) return "a range that ends before it begins";
    end = to;
  }
  return undefined;
}

/** What `set` has to say about these ranges, as much as fits one answer. */
export function answerRanges(set: SharedSet, ranges: readonly FingerprintedRange[], limits: ReconciliationLimits): Findings {
  const lists: { range: number; chunks: Uint8Array }[] = [];
  const splits: { range: number; bounds: readonly Bound[]; fingerprints: Uint8Array }[] = [];
  let listBytes = 0;
  let considered = 0;
  for (const [index, range] of ranges.entries()) {
    if (splits.length >= splitsMax || listBytes + limits.listItemsMax * hashLength > compareListsBytesMax) break;
    considered += 1;
    const sum = set.sum(range);
    if (equalBytes(fingerprintOf(sum), range.fingerprint)) continue;
    if (sum.count <= limits.listItemsMax) {
      const chunks = concatBytes(...set.list(range, limits.listItemsMax));
      lists.push({ range: index, chunks });
      listBytes += chunks.length;
    } else {
      const parts = set.split(range, { parts: comparePartsMax, firstShare: 1 });
      const bounds = parts.slice(0, -1).map(({ to }) => to);
      splits.push({ range: index, bounds, fingerprints: concatBytes(...parts.map((part) => fingerprintOf(part.sum))) });
    }
  }
  return { considered, lists, splits };
}
