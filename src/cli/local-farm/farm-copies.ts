// How the farm's copies and nodes are seen, as a gateway of the farm tells it.
import { z } from "zod";
import type { NetworkView } from "../../protocol/network-view.ts";
import { copiesSummarySchema, nodeSummarySchema } from "../../protocol/network-view-schema.ts";
import { readLocal } from "./member-health.ts";

export type SeenFarm = Pick<NetworkView, "nodes" | "copies">;

// Not more than is shown: the gateways may be of another version than this command.
const seenFarm: z.ZodType<SeenFarm> = z.object({ nodes: z.array(nodeSummarySchema), copies: copiesSummarySchema });

/** What the first of these gateways says that answers; undefined where none does. Never rejects. */
export async function readSeenFarm(ports: readonly number[]): Promise<SeenFarm | undefined> {
  for (const port of ports) {
    const reply = await readLocal(port, "/v1/network");
    const parsed = reply?.status === 200 ? seenFarm.safeParse(parseJson(reply.body)) : undefined;
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
