// exchange-records: how node records spread. New ones are pushed; from time to time two peers compare fingerprints of
// what they know, bucket by bucket, then the heads of buckets that differ, and send each other what the other lacks.
import { z } from "zod";
import { nodeRecordMax, recordBucketsMax, recordBytesPerMessageMax, recordsPerMessageMax } from "../limits.ts";
import type { PeerId } from "../peer-id.ts";
import { wireBytes, wireCount, wirePeerId } from "../wire-types.ts";

/** Bytes of one bucket's fingerprint. */
export const fingerprintLength = 8;

/** Which record of a node a peer has: the newest (start counter, sequence) it knows. */
export type RecordHead = { readonly peerId: PeerId; readonly startCounter: number; readonly sequence: number };

/**
 * push: records as they are · summary: one fingerprint after another, one a bucket, their number a power of two ·
 * heads: all heads the asker has in `buckets` out of `bucketCount`.
 */
export type ExchangeRecordsRequest =
  | { readonly kind: "push"; readonly records: readonly Uint8Array[] }
  | { readonly kind: "summary"; readonly fingerprints: Uint8Array }
  | { readonly kind: "heads"; readonly bucketCount: number; readonly buckets: readonly number[]; readonly heads: readonly RecordHead[] };

/**
 * `differing`: buckets of a summary whose fingerprint is another here · `records`: what the asker lacks in the buckets of
 * its heads, `more` where not all fitted · `wanted`: what this side lacks and asks to be pushed.
 */
export type ExchangeRecordsReply = {
  readonly differing: readonly number[];
  readonly records: readonly Uint8Array[];
  readonly more: boolean;
  readonly wanted: readonly PeerId[];
};

const isPowerOfTwo = (count: number): boolean => count > 0 && (count & (count - 1)) === 0;

const records: z.ZodType<readonly Uint8Array[]> = z
  .array(wireBytes(nodeRecordMax))
  .max(recordsPerMessageMax)
  .refine(
    (list) => list.reduce((sum, bytes) => sum + bytes.length, 0) <= recordBytesPerMessageMax,
    `at most ${recordBytesPerMessageMax} bytes`,
  );
const bucket: z.ZodType<number> = z
  .int()
  .min(0)
  .max(recordBucketsMax - 1);
const buckets: z.ZodType<readonly number[]> = z.array(bucket).max(recordBucketsMax);
const head: z.ZodType<RecordHead> = z.object({ peerId: wirePeerId, startCounter: wireCount, sequence: wireCount });
const fingerprints: z.ZodType<Uint8Array> = wireBytes(recordBucketsMax * fingerprintLength).refine(
  (bytes) => bytes.length % fingerprintLength === 0 && isPowerOfTwo(bytes.length / fingerprintLength),
  "expected a power of two of fingerprints",
);

export const exchangeRecordsRequest: z.ZodType<ExchangeRecordsRequest> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("push"), records }),
  z.object({ kind: z.literal("summary"), fingerprints }),
  z.object({
    kind: z.literal("heads"),
    bucketCount: z.int().min(1).max(recordBucketsMax).refine(isPowerOfTwo, "expected a power of two"),
    buckets,
    heads: z.array(head).max(recordsPerMessageMax),
  }),
]);

export const exchangeRecordsReply: z.ZodType<ExchangeRecordsReply> = z.object({
  differing: buckets,
  records,
  more: z.boolean(),
  wanted: z.array(wirePeerId).max(recordsPerMessageMax),
});
