// The shapes of answers, from which the OpenAPI document is made.
import { z } from "zod";
import type { NetworkView } from "../../client/farm-client.ts";
import { copiesPolicySchema } from "../../protocol/network-view-schema.ts";
import { type ProblemCode, type ProblemDocument, problemCodes, problems } from "../errors.ts";

const problemSchema: z.ZodType<ProblemDocument> = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string(), code: z.enum(problemCodes) })
  .describe("A problem document (RFC 9457); code is stable");

/** The problem answers of a route, by status, for its schema. */
export function problemAnswers(...codes: readonly ProblemCode[]): Record<number, z.ZodType> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code]);
  return Object.fromEntries([...byStatus].map(([status, of]) => [status, problemSchema.describe(`code: ${of.join(" or ")}`)]));
}

const copiesRange: z.ZodType<{ min: number; max: number }> = z.object({ min: z.int(), max: z.int() });

/** What POST /v1/objects answers. `copies`: fewest and most receipts of any chunk. */
export type StoredObjectAnswer = { address: string; bytes: number; chunks: number; copies: { min: number; max: number } };
export const storedObjectSchema: z.ZodType<StoredObjectAnswer> = z.object({
  address: z.string().describe("128 digits: where it is, and its key. Who has it can read the object; nobody can recover it"),
  bytes: z.int(),
  chunks: z.int(),
  copies: copiesRange.describe("fewest and most receipts of any chunk"),
});

/** What a chunk's PUT answers. */
export type StoredChunkAnswer = { address: string; copies: number };
export const storedChunkSchema: z.ZodType<StoredChunkAnswer> = z.object({ address: z.string(), copies: z.int() });

/** What a dry run answers. */
export type QuoteAnswer = { bytes: number; chunks: number; copies: NetworkView["copies"]["policy"]; storedBytes: number };
export const quoteSchema: z.ZodType<QuoteAnswer> = z
  .object({ bytes: z.int(), chunks: z.int(), copies: copiesPolicySchema, storedBytes: z.int().describe("on all disks") })
  .describe("a quote: nothing was stored");
