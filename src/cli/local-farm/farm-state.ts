// What a local farm remembers between runs: its shape, and of each member its name, ports and (once known) identity.
// No secrets; those lie in files of their own.
import { z } from "zod";
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
};
export type GatewayPlace = { readonly name: string; readonly port: number; readonly libp2p: number; readonly lane: number };

export type FarmState = {
  readonly format: number;
  readonly name: string;
  readonly vaultsPerNode: number;
  readonly vaultCapacity: number;
  readonly nodes: readonly NodePlace[];
  readonly gateways: readonly GatewayPlace[];
};

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
    }),
  ),
  gateways: z.array(z.object({ name: memberName, port, libp2p: port, lane: port })),
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
