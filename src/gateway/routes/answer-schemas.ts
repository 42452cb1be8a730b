// The shapes of answers, from which the OpenAPI document is made.
import { z } from "zod";
import type { NetworkView, VaultView } from "../../client/farm-client.ts";
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { standings } from "../../protocol/standing.ts";
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

const vault: z.ZodType<VaultView> = z.object({
  name: z.custom<Address>().meta({ type: "string" }),
  state: z.enum(vaultStates),
  capacity: z.int(),
  used: z.int(),
  chunks: z.int(),
  score: z.number().nullable().describe("0 to 1, of conduct and good days; null while no node has seen the vault"),
  conduct: z.number().nullable().describe("0 to 1, without regard to good days: 1 without fault"),
  standing: z.enum(standings).nullable().describe("what the conduct means"),
  age: z.int().nullable().describe("floor(log2(1 + good days)); all four as the middle one of the nodes that publish it sees it"),
});
const node: z.ZodType<NetworkView["nodes"][number]> = z.object({
  peerId: z.custom<PeerId>().meta({ type: "string" }),
  address: z.string(),
  zone: z.string(),
  state: z.enum(nodeViews),
  confirmed: z.boolean().describe("whether its silence is certain enough to move data: a goodbye, or two watchers that agree"),
  suspectedBy: z.array(z.custom<PeerId>().meta({ type: "string" })).describe("nodes that have not heard of it for seconds"),
  vaults: z.array(vault),
});

const repair: z.ZodType<NetworkView["copies"]["repair"]> = z.object({
  chunks: z.int().describe("chunks being copied again now"),
  bytesLeft: z.int(),
  etaMs: z.int().describe("how long that takes at the pace of the slowest node, milliseconds"),
  waiting: z.int().describe("chunks below target for which a silent node is waited for"),
  dueAtMs: z
    .int()
    .nullable()
    .describe(
      "when the first of them are copied again unless it returns, milliseconds of wall time; past: the loss is not certain yet; null where nobody can tell",
    ),
});

/** What GET /v1/network answers. */
export const networkSchema: z.ZodType<NetworkView> = z.object({
  networkId: z.custom<Address>().meta({ type: "string" }),
  name: z.string(),
  nodes: z.array(node),
  copies: z
    .object({
      policy,
      lowest: z.int().nullable().describe("null while no chunk is known"),
      belowMin: z.int(),
      belowTarget: z.int(),
      histogram: z.array(z.int()).describe("[n]: chunks with n live copies; the last one: target or more"),
      reporting: z
        .object({ nodes: z.int(), of: z.int() })
        .describe("how many of the live nodes have counted all their chunks; while nodes < of, the figures are too small"),
      repair,
    })
    .describe(
      "live copies of the farm's chunks: each chunk is counted by its closest live holder, the figures are published at most every ten seconds and at once when copies begin to be missing, and summed up here. A chunk stored just now is counted after about 20 s. One without any live holder is known only to a gateway that stored it or was asked for it since it started (the newest 65,536). While nodes publish nothing, only what this gateway stored is counted",
    ),
});
