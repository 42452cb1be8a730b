// The shapes of answers, from which the OpenAPI document is made.
import { z } from "zod";
import type { NetworkView } from "../../client/farm-client.ts";
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { nodeViews, vaultStates } from "../../protocol/states.ts";
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

const policy: z.ZodType<NetworkView["copies"]["policy"]> = z.object({ min: z.int(), target: z.int(), max: z.int() });

/** What a dry run answers. */
export type QuoteAnswer = { bytes: number; chunks: number; copies: NetworkView["copies"]["policy"]; storedBytes: number };
export const quoteSchema: z.ZodType<QuoteAnswer> = z
  .object({ bytes: z.int(), chunks: z.int(), copies: policy, storedBytes: z.int().describe("on all disks") })
  .describe("a quote: nothing was stored");

const vault: z.ZodType<NetworkView["nodes"][number]["vaults"][number]> = z.object({
  name: z.custom<Address>().meta({ type: "string" }),
  state: z.enum(vaultStates),
  capacity: z.int(),
  used: z.int(),
  chunks: z.int(),
});
const node: z.ZodType<NetworkView["nodes"][number]> = z.object({
  peerId: z.custom<PeerId>().meta({ type: "string" }),
  address: z.string(),
  zone: z.string(),
  state: z.enum(nodeViews),
  vaults: z.array(vault),
});

/** What GET /v1/network answers. */
export const networkSchema: z.ZodType<NetworkView> = z.object({
  networkId: z.custom<Address>().meta({ type: "string" }),
  name: z.string(),
  nodes: z.array(node),
  copies: z
    .object({ policy, lowest: z.int().nullable(), belowMin: z.int(), belowTarget: z.int() })
    .describe(
      "live copies of the chunks that this gateway stored or was asked to count since it started (the newest 65,536), counted again while they seem too few; lowest is null while it knows of none",
    ),
});
