// What a local farm remembers between runs: its shape, and of each member its name, ports and (once known) identity.
// No secrets; those lie in files of their own.
import { z } from "zod";
import { type AssignedSpec, leavingReasons } from "../../operator/api/vault-node.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { type PeerId, parsePeerId } from "../../protocol/peer-id.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import { FarmError } from "./farm-error.ts";
import type { FarmFolder } from "./farm-folder.ts";

/** Raised when the layout changes so that an older program could not run the farm. */
export const farmFormat = 1;

export type NodePlace = {
  readonly name: string;
  readonly zone: string;
  readonly ports: {
    readonly libp2p: number;
    readonly lane: number;
    readonly heartbeat: number;
    readonly health: number;
    readonly admin: number;
  };
  readonly peerId?: PeerId;
  readonly granted: boolean;
  /** What the plan decided of it; absent: nothing. */
  readonly assigned?: Pick<AssignedSpec, "leaving" | "released">;
  /** Whether the plan, and no person, told it to hand over what it holds: where the plan changes its mind, it is told so. */
  readonly drainedByPlan?: boolean;
};
/** A node that was taken away, and what is still to be done with its folder. */
export type TakenNode = Pick<FarmAction & { readonly kind: "remove-node" }, "name" | "volume">;
export type GatewayPlace = { readonly name: string; readonly port: number; readonly libp2p: number; readonly lane: number };

export type FarmState = {
  readonly format: number;
  readonly name: string;
  readonly vaultsPerNode: number;
  readonly vaultCapacity: number;
  readonly nodes: readonly NodePlace[];
  readonly gateways: readonly GatewayPlace[];
  /** The nodes that the manifest asked for at the last start; absent from farms of earlier versions. */
  readonly manifestNodes?: number;
  /** Absent: none. */
  readonly taken?: readonly TakenNode[];
};

/** Whether a node is neither leaving nor released. */
export function staysHere({ assigned }: Pick<NodePlace, "assigned">): boolean {
  return assigned?.leaving === undefined && assigned?.released !== true;
}

const port = z.int().min(1).max(65535);
const memberName = z.string().regex(/^[a-z0-9-]{1,60}$/);
const peerId = z.string().transform((text, context): PeerId => {
  const parsed = parsePeerId(text);
  if (parsed === undefined) context.issues.push({ code: "custom", message: "not a PeerId", input: text });
  return parsed ?? z.NEVER;
});
const stateSchema: z.ZodType<FarmState> = z.object({
  format: z.literal(farmFormat),
  name: memberName,
  vaultsPerNode: z.int().min(1),
  vaultCapacity: z.int().min(1),
  nodes: z.array(
    z.object({
      name: memberName,
      zone: z.string(),
      ports: z.object({ libp2p: port, lane: port, heartbeat: port, health: port, admin: port }),
      peerId: z.exactOptional(peerId),
      granted: z.boolean(),
      assigned: z.exactOptional(z.object({ leaving: z.exactOptional(z.enum(leavingReasons)), released: z.exactOptional(z.boolean()) })),
      drainedByPlan: z.exactOptional(z.boolean()),
    }),
  ),
  gateways: z.array(z.object({ name: memberName, port, libp2p: port, lane: port })),
  manifestNodes: z.exactOptional(z.int().min(0)),
  taken: z.exactOptional(z.array(z.object({ name: memberName, volume: z.enum(["keep", "delete"]) }))),
});

/** The state of the farm in `folder`, undefined where there is none. Rejects with `broken-data` where it cannot be used. */
export async function readFarmState(folder: FarmFolder): Promise<FarmState | undefined> {
  const bytes = await readFileIfThere(folder.state);
  if (bytes === undefined) return undefined;
  try {
    return stateSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw new FarmError(
      "broken-data",
      `${folder.state} cannot be used: it is damaged or was written by another version of vaultfarm`,
      cause,
    );
  }
}

/** Replaces the state; on disk once resolved. */
export function writeFarmState(folder: FarmFolder, state: FarmState): Promise<void> {
  return writeFileAtomic(folder.state, `${JSON.stringify(state, null, 2)}\n`);
}
