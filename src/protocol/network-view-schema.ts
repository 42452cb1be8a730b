// The schemas of the network as a customer sees it: the gateway's documents are made from them, and whoever reads its
// answers checks them.
import { z } from "zod";
import {
  type CopiesSummary,
  type MembershipSummary,
  membershipStates,
  type NetworkView,
  type NodeSummary,
  type VaultView,
} from "./network-view.ts";
import { standings } from "./standing.ts";
import { nodeViews, vaultStates } from "./states.ts";

export const copiesPolicySchema: z.ZodType<CopiesSummary["policy"]> = z.object({ min: z.int(), target: z.int(), max: z.int() });

const vault: z.ZodType<VaultView> = z.object({
  name: z.string(),
  state: z.enum(vaultStates),
  capacity: z.int(),
  used: z.int(),
  chunks: z.int(),
  score: z.number().nullable().describe("0 to 1, of conduct and good days; null while no node has seen the vault"),
  conduct: z.number().nullable().describe("0 to 1, without regard to good days: 1 without fault"),
  standing: z.enum(standings).nullable().describe("what the conduct means"),
  age: z.int().nullable().describe("floor(log2(1 + good days)); all four as the middle one of the nodes that publish it sees it"),
});

export const nodeSummarySchema: z.ZodType<NodeSummary> = z.object({
  peerId: z.string(),
  address: z.string(),
  zone: z.string(),
  state: z.enum(nodeViews),
  confirmed: z.boolean().describe("whether its silence is certain enough to move data: a goodbye, or two watchers that agree"),
  suspectedBy: z.array(z.string()).describe("nodes that have not heard of it for seconds"),
  faults: z
    .object({ byNodes: z.int(), counts: z.record(z.string(), z.int()) })
    .optional()
    .describe(
      "what other nodes counted against it since their start: how many of them, and their counts by kind (`wrong-proof`, `missing`, `late`, `silent`: in audits; `put-off`: proofs; `refused`: copies, against its own record; `wrong-bytes`; `malformed`, `not-converged`: in comparisons); absent where nothing",
    ),
  vaults: z.array(vault),
});

const repair: z.ZodType<CopiesSummary["repair"]> = z.object({
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

export const copiesSummarySchema: z.ZodType<CopiesSummary> = z
  .object({
    policy: copiesPolicySchema,
    lowest: z.int().nullable().describe("null while no chunk is known"),
    belowMin: z.int(),
    belowTarget: z.int(),
    histogram: z.array(z.int()).describe("[n]: chunks with n live copies; the last one: target or more"),
    spread: z
      .object({ short: z.enum(["nodes", "zones"]), text: z.string() })
      .optional()
      .describe("where new copies cannot be spread as they should, for want of nodes, or of nodes in other zones; absent where they can"),
    reporting: z
      .object({ nodes: z.int(), of: z.int() })
      .describe("how many of the live nodes have counted all their chunks; while nodes < of, the figures are too small"),
    repair,
  })
  .describe(
    "live copies of the farm's chunks: each chunk is counted by its closest live holder, the figures are published at most every ten seconds and at once when copies begin to be missing, and summed up here. A chunk stored just now is counted after about 20 s. One without any live holder is known only to a gateway that stored it or was asked for it since it started (the newest 65,536). While nodes publish nothing, only what this gateway stored is counted",
  );

const count = z.number().min(0);
/** The fields of a membership, for whoever says more than these. */
export const membershipFields: { readonly [field in keyof MembershipSummary]: z.ZodType<MembershipSummary[field]> } = {
  state: z.enum(membershipStates),
  sequence: count,
  head: z.string(),
  confirmed: count,
  reachable: count,
  needed: count,
  group: z.object({ holders: count, writes: count, liars: count, losses: count }),
  text: z.string(),
};

const membership: z.ZodType<MembershipSummary> = z
  .object(membershipFields)
  .describe(
    "who is confirmed by certificate, as this gateway sees it: whole while enough confirmed nodes are reachable to change that, partitioned while too few are (chunks are served all the same), unfounded before the first certificate; group: of a group for records, how many may lie and how many may be lost",
  );

/** What GET /v1/network answers. */
export const networkViewSchema: z.ZodType<NetworkView> = z.object({
  networkId: z.string(),
  name: z.string(),
  nodes: z.array(nodeSummarySchema),
  copies: copiesSummarySchema,
  membership: membership.nullable(),
});
