// The node of a local farm that is to drain, and the others: who they are and where they take commands, as they say now.

import type { NodeCommander } from "../../operator/node-access/node-commander.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { parsePeerId } from "../../protocol/peer-id.ts";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-code.ts";
import { FarmError } from "./farm-error.ts";
import type { FarmKeys } from "./farm-keys.ts";
import type { FarmState, NodePlace } from "./farm-state.ts";
import { readNodeStatus } from "./member-health.ts";

/** A node that answers; `stays`: it is ready and not to leave. */
export type DrainNode = { readonly name: string; readonly peerId: PeerId; readonly adminPort: number; readonly stays: boolean };

/** The commands of a drain. */
export type DrainCommander = Pick<NodeCommander, "setDesired" | "safeToStop" | "witnessStop">;

export type DrainFarm = {
  readonly name: string;
  readonly keys: FarmKeys;
  readonly commander: DrainCommander;
  readonly node: DrainNode;
  /** All other nodes that answered. */
  readonly others: readonly DrainNode[];
  /** The others that answer now. */
  lookAgain(): Promise<readonly DrainNode[]>;
};

export type DrainFarmParts = { readonly state: FarmState; readonly keys: FarmKeys; readonly commander: DrainCommander };

/** Finds the node that `asked` means. Rejects with `not-running`, or with a `CommandError` where no node, or more than one, is meant. */
export async function findDrainNode({ state, keys, commander }: DrainFarmParts, asked: string): Promise<DrainFarm> {
  const place = chooseNode(state, asked);
  const node = await lookAt(place);
  if (node === undefined) throw new FarmError("not-running", `${place.name} does not answer; start the farm with: vaultfarm up`);
  const lookAgain = async (): Promise<readonly DrainNode[]> => {
    const seen = await Promise.all(state.nodes.filter(({ name }) => name !== place.name).map(lookAt));
    return seen.filter((other) => other !== undefined);
  };
  return { name: state.name, keys, commander, node, others: await lookAgain(), lookAgain };
}

/** The node that a person means by its name, or by the end of its id. Throws a `CommandError` where it is none, or more than one. */
export function chooseNode({ nodes }: Pick<FarmState, "nodes">, asked: string): NodePlace {
  const meant = nodes.filter(({ name, peerId }) => name === asked || (asked.length >= 4 && peerId?.endsWith(asked) === true));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  const names = nodes.map(({ name }) => name).join(", ");
  throw new CommandError(
    exitCodes.notFound,
    "no-node",
    `${meant.length === 0 ? "no node" : "more than one node"} is called ${asked}; there are ${names}`,
  );
}

async function lookAt({ name, ports }: NodePlace): Promise<DrainNode | undefined> {
  const status = await readNodeStatus(ports.health);
  const peerId = status === undefined ? undefined : parsePeerId(status.peerId);
  if (status === undefined || peerId === undefined) return undefined;
  const stays = status.state === "ready" && (status.admin === "active" || status.admin === "cordoned");
  return { name, peerId, adminPort: ports.admin, stays };
}
