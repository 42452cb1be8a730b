// compare-chunks: two nodes find out which of the chunks that both should hold only one of them has. The asker sends
// fingerprints of ranges of addresses; for each range that differs the answer holds its addresses, or finer fingerprints.
import { z } from "zod";
import { hashLength } from "../hash.ts";
import { compareListsBytesMax, comparePartsMax, compareRangesMax } from "../limits.ts";
import { wireBytes } from "../wire-types.ts";

/** Bytes of a range's fingerprint. */
export const rangeFingerprintLength = 16;
/** Bytes of the fingerprint of a node's view of all places. */
export const placementDigestLength = 8;

/**
 * Where a range begins or ends: the first bytes of an address, the rest zeros. As a beginning no bytes mean the first
 * address there is, as an end they mean the end of all addresses. The end does not belong to its range.
 */
export type Bound = Uint8Array;

/** A range of addresses from `from` up to but without `to`. */
export type AddressRange = { readonly from: Bound; readonly to: Bound };

/** A range and the asker's fingerprint of it. */
export type FingerprintedRange = AddressRange & { readonly fingerprint: Uint8Array };

/** Ranges ascend and do not overlap. */
export type CompareChunksRequest = { readonly ranges: readonly FingerprintedRange[] };

/**
 * The first `considered` ranges were looked at (the rest did not fit: ask again). Of those, `lists` has all addresses of
 * the answerer in a range that differs, 32 bytes each, ascending; `splits` cuts one at `bounds` and has a fingerprint for
 * each part, one more than bounds. What is in neither is the same on both sides. `placement`: of the answerer's directory.
 */
export type CompareChunksReply = {
  readonly placement: Uint8Array;
  readonly considered: number;
  readonly lists: readonly { readonly range: number; readonly chunks: Uint8Array }[];
  readonly splits: readonly { readonly range: number; readonly bounds: readonly Bound[]; readonly fingerprints: Uint8Array }[];
};

const wireBound = wireBytes(hashLength);
const wireFingerprint = wireBytes(rangeFingerprintLength).refine((bytes) => bytes.length === rangeFingerprintLength, "a fingerprint");
const wireIndex = z
  .int()
  .min(0)
  .max(compareRangesMax - 1);

export const fingerprintedRange: z.ZodType<FingerprintedRange> = z.codec(
  z.tuple([wireBound, wireBound, wireFingerprint]),
  z.object({ from: z.custom<Uint8Array>(), to: z.custom<Uint8Array>(), fingerprint: z.custom<Uint8Array>() }),
  {
    decode: ([from, to, fingerprint]) => ({ from, to, fingerprint }),
    encode: ({ from, to, fingerprint }): [Uint8Array, Uint8Array, Uint8Array] => [from, to, fingerprint],
  },
);

export const compareChunksRequest: z.ZodType<CompareChunksRequest> = z.object({
  ranges: z.array(fingerprintedRange).min(1).max(compareRangesMax),
});

export const compareChunksReply: z.ZodType<CompareChunksReply> = z.object({
  placement: wireBytes(placementDigestLength),
  considered: z.int().min(0).max(compareRangesMax),
  lists: z.array(z.object({ range: wireIndex, chunks: wireBytes(compareListsBytesMax) })).max(compareRangesMax),
  splits: z
    .array(
      z
        .object({
          range: wireIndex,
          bounds: z
            .array(wireBound)
            .min(1)
            .max(comparePartsMax - 1),
          fingerprints: wireBytes(comparePartsMax * rangeFingerprintLength),
        })
        .refine(({ bounds, fingerprints }) => fingerprints.length === (bounds.length + 1) * rangeFingerprintLength, "a fingerprint a part"),
    )
    .max(compareRangesMax),
});
