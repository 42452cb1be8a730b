// The book of node records: the newest verified record of each node, each checked once however often it arrives, and
// the fingerprints by which two peers find out cheaply where their books differ.
import type { Address } from "../../protocol/address.ts";
import { textBytes, toHex } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { directoryNodesMax } from "../../protocol/limits.ts";
import { fingerprintLength, type RecordHead } from "../../protocol/messages/exchange-records.ts";
import { isNewer, type NodeRecord, type RecordRefusal, readNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createRecentVerdicts } from "./recent-verdicts.ts";

/** Why bytes did not enter the book: as `readNodeRecord` says, or because there is no more room. */
export type BookRefusal = RecordRefusal | "full";

/**
 * fresh: newer than what was known, and may be `put` · known: checked before, nothing new · stale: a newer one is here ·
 * refused: not a record of this network.
 */
export type RecordVerdict =
  | { readonly kind: "fresh"; readonly record: NodeRecord }
  | { readonly kind: "known" }
  | { readonly kind: "stale"; readonly newest: NodeRecord }
  | { readonly kind: "refused"; readonly reason: BookRefusal; readonly why: string };

export type RecordBook = {
  /** Judges bytes as they came; keeps nothing but the verdict. */
  judge(bytes: Uint8Array, wallMs: number): RecordVerdict;
  put(record: NodeRecord): void;
  remove(peer: PeerId): void;
  get(peer: PeerId): NodeRecord | undefined;
  records(): IterableIterator<NodeRecord>;
  size(): number;
  /** One fingerprint a bucket, one after another; `bucketCount` is a power of two. */
  fingerprints(bucketCount: number): Uint8Array;
  /** The heads in these buckets. */
  heads(bucketCount: number, buckets: ReadonlySet<number>): readonly RecordHead[];
  /** The heads of all buckets that have any: for who takes bucket after bucket, in one pass over the book. */
  headsByBucket(bucketCount: number): ReadonlyMap<number, readonly RecordHead[]>;
};

type Refused = Extract<RecordVerdict, { kind: "refused" }>;
type Entry = { readonly record: NodeRecord; readonly bucket: number; readonly fingerprint: Uint8Array };

/** Reads a record out of bytes, as `readNodeRecord` does. A simulation of many nodes hands in one that reads the same bytes once for all. */
export type RecordReader = typeof readNodeRecord;

export type RecordBookOptions = {
  /** Records at most. */
  readonly nodesMax?: number;
  readonly read?: RecordReader | undefined;
};

/** An empty book for one network. */
export function createRecordBook(
  networkId: Address,
  { nodesMax = directoryNodesMax, read = readNodeRecord }: RecordBookOptions = {},
): RecordBook {
  const entries = new Map<PeerId, Entry>();
  const verdicts = createRecentVerdicts<RecordHead | Refused>(4096);

  const judge = (bytes: Uint8Array, wallMs: number): RecordVerdict => {
    const key = toHex(hash(bytes));
    const before = verdicts.get(key);
    if (before !== undefined && "reason" in before) return before;
    const newest = before === undefined ? undefined : entries.get(before.peerId)?.record;
    if (before !== undefined && newest !== undefined && !isNewer(before, newest))
      return isNewer(newest, before) ? { kind: "stale", newest } : { kind: "known" };
    const reading = read(networkId, bytes, wallMs);
    if (!reading.ok) {
      const refused = { kind: "refused", reason: reading.code, why: reading.why } as const;
      // A record from the future becomes acceptable; the other verdicts stand.
      if (reading.code !== "future") verdicts.set(key, refused);
      return refused;
    }
    verdicts.set(key, headOf(reading.value));
    return place(reading.value);
  };
  const place = (record: NodeRecord): RecordVerdict => {
    const known = entries.get(record.peerId)?.record;
    if (known === undefined)
      return entries.size < nodesMax
        ? { kind: "fresh", record }
        : { kind: "refused", reason: "full", why: `the book holds at most ${nodesMax} nodes` };
    if (isNewer(record, known)) return { kind: "fresh", record };
    return isNewer(known, record) ? { kind: "stale", newest: known } : { kind: "known" };
  };
  // Asked for at each meeting, the same for all of them until the book changes. There are eleven numbers of buckets, 16 KiB of fingerprints in all.
  const summaries = new Map<number, Uint8Array>();
  const put = (record: NodeRecord): void => {
    summaries.clear();
    entries.set(record.peerId, entryOf(record));
  };
  const remove = (peer: PeerId): void => {
    summaries.clear();
    entries.delete(peer);
  };
  const fingerprints = (bucketCount: number): Uint8Array => {
    const known = summaries.get(bucketCount);
    if (known !== undefined) return known;
    const all = new Uint8Array(bucketCount * fingerprintLength);
    for (const { bucket, fingerprint } of entries.values()) {
      const at = (bucket % bucketCount) * fingerprintLength;
      for (let i = 0; i < fingerprintLength; i++) all[at + i] = (all[at + i] ?? 0) ^ (fingerprint[i] ?? 0);
    }
    summaries.set(bucketCount, all);
    return all;
  };
  const heads = (bucketCount: number, buckets: ReadonlySet<number>): readonly RecordHead[] =>
    [...entries.values()].filter(({ bucket }) => buckets.has(bucket % bucketCount)).map(({ record }) => headOf(record));
  const headsByBucket = (bucketCount: number): ReadonlyMap<number, readonly RecordHead[]> => {
    const sorted = new Map<number, RecordHead[]>();
    for (const { record, bucket } of entries.values()) {
      const heads = sorted.get(bucket % bucketCount);
      if (heads === undefined) sorted.set(bucket % bucketCount, [headOf(record)]);
      else heads.push(headOf(record));
    }
    return sorted;
  };
  return {
    judge,
    put,
    remove,
    get: (peer) => entries.get(peer)?.record,
    records: () => entries.values().map(({ record }) => record),
    size: () => entries.size,
    fingerprints,
    heads,
    headsByBucket,
  };
}

/** The head of a record. */
export function headOf({ peerId, startCounter, sequence }: NodeRecord): RecordHead {
  return { peerId, startCounter, sequence };
}

function entryOf(record: NodeRecord): Entry {
  const id = hash(textBytes(record.peerId));
  const head = hash(textBytes(`${record.peerId} ${record.startCounter} ${record.sequence}`));
  return { record, bucket: ((id[0] ?? 0) << 8) | (id[1] ?? 0), fingerprint: head.slice(0, fingerprintLength) };
}
