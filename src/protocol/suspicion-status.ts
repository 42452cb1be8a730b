// What a node answers on GET /v1/suspicions of its health port: how it sees every node now, and since when its detector
// says so, on the host's monotonic clock, so that a bench on the same host can tell how long after an event that was.
import { z } from "zod";
import { type NodeViewState, nodeViews } from "./states.ts";

export type SuspicionStatus = {
  readonly nodes: readonly {
    readonly peerId: string;
    readonly state: NodeViewState;
    readonly confirmed: boolean;
    /** What stands on the detector's board: heard, silent, told or lapsed. */
    readonly hint: string;
    /** When that was written, milliseconds of the host's monotonic clock; 0 = never. */
    readonly hostMs: number;
  }[];
};

export const suspicionStatus: z.ZodType<SuspicionStatus> = z.object({
  nodes: z.array(
    z.object({
      peerId: z.string(),
      state: z.enum(nodeViews),
      confirmed: z.boolean(),
      hint: z.string(),
      hostMs: z.number(),
    }),
  ),
});
