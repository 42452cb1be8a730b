// How the farm's copies and nodes are seen, as a gateway of the farm tells it.
import { z } from "zod";
import type { CopiesSummary } from "../../client/farm-client.ts";
import { callLocal } from "./http-call.ts";

/** Copies as `GET /v1/network` tells them. */
export type CopiesLine = CopiesSummary;
/** What others see of a node: its state, by whom it is suspected, its vaults' scores. */
export type SeenNode = {
  readonly peerId: string;
  readonly state: string;
  readonly suspectedBy: readonly string[];
  readonly vaults: readonly {
    readonly name: string;
    readonly score: number | null;
    readonly standing: string | null;
    readonly age: number | null;
  }[];
};
export type SeenFarm = { readonly nodes: readonly SeenNode[]; readonly copies: CopiesLine };

const count = z.int().min(0);
const copies: z.ZodType<CopiesLine> = z.object({
  policy: z.object({ min: count, target: count, max: count }),
  lowest: count.nullable(),
  belowMin: count,
  belowTarget: count,
  histogram: z.array(count),
  reporting: z.object({ nodes: count, of: count }),
  repair: z.object({ chunks: count, bytesLeft: count, etaMs: count, waiting: count, dueAtMs: z.int().nullable() }),
});
const vault = z.object({ name: z.string(), score: z.number().nullable(), standing: z.string().nullable(), age: count.nullable() });
const node: z.ZodType<SeenNode> = z.object({
  peerId: z.string(),
  state: z.string(),
  suspectedBy: z.array(z.string()),
  vaults: z.array(vault),
});
const network: z.ZodType<SeenFarm> = z.object({ nodes: z.array(node), copies });

const timeoutMs = 2000;

/** What the first of these gateways says that answers; undefined where none does. Never rejects. */
export async function readSeenFarm(ports: readonly number[]): Promise<SeenFarm | undefined> {
  for (const port of ports) {
    const reply = await callLocal({ method: "GET", port, path: "/v1/network", timeoutMs });
    const parsed = reply?.status === 200 ? network.safeParse(parseJson(reply.body)) : undefined;
    if (parsed?.success === true) return parsed.data;
  }
  return undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
