// certificates: two peers bring their chains of membership certificates together. The asker shows where it stands, and its
// grant where it wants in; the asked one sends what follows the last certificate that both have.
import { z } from "zod";
import type { Address } from "../address.ts";
import { grantSizeMax } from "../grant.ts";
import { certificateSizeMax } from "../limits.ts";
import { wireAddress, wireBytes, wireCount } from "../wire-types.ts";

/** Ids in one question: with steps that double, the longest chain is spanned. */
export const knownIdsMax = 24;

/** Certificates, and their bytes, in one answer: two of the largest. */
export const certificatesPerMessageMax = 256;
export const certificateBytesPerMessageMax: number = 2 * certificateSizeMax;

/** `known`: ids of the asker's chain, newest first, in steps that double, its network id last. `grant`: of the asker, null where it wants nothing. */
export type CertificatesRequest = { readonly known: readonly Address[]; readonly grant: Uint8Array | null };
/** `head` and `sequence`: where the asked one's chain ends. */
export type CertificatesReply = { readonly certificates: readonly Uint8Array[]; readonly head: Address; readonly sequence: number };

export const certificatesRequest: z.ZodType<CertificatesRequest> = z.object({
  known: z.array(wireAddress).max(knownIdsMax),
  grant: wireBytes(grantSizeMax).nullable(),
});

export const certificatesReply: z.ZodType<CertificatesReply> = z.object({
  certificates: z
    .array(wireBytes(certificateSizeMax))
    .max(certificatesPerMessageMax)
    .refine((list) => list.reduce((sum, { length }) => sum + length, 0) <= certificateBytesPerMessageMax, "too many bytes"),
  head: wireAddress,
  sequence: wireCount,
});
