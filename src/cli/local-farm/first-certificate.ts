// The first membership certificate of a local farm: signed by the owner once all nodes are ready, kept beside the genesis,
// and handed to the nodes. Signed only once: two of them would be two truths.

import type { NodeCommander } from "../../operator/node-access/node-commander.ts";
import { type MembershipStatement, signAsOwner } from "../../protocol/certificate.ts";
import { confirmedNodesMax } from "../../protocol/limits.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { FarmFolder } from "./farm-folder.ts";
import type { FarmKeys } from "./farm-keys.ts";
import type { NodePlace } from "./farm-state.ts";
import { localPlace, readNodeStatus } from "./member-health.ts";

export type FoundingParts = {
  readonly folder: FarmFolder;
  readonly keys: FarmKeys;
  readonly commander: Pick<NodeCommander, "certify">;
};

/** Whether a node now knows the first certificate of this farm; false: to be tried again at the next look. Rejects with the system's error. */
export async function foundMembership({ folder, keys, commander }: FoundingParts, nodes: readonly NodePlace[]): Promise<boolean> {
  const placed = nodes.flatMap(({ peerId, ports }) => (peerId === undefined ? [] : [{ peerId, ports }]));
  if (placed.length < nodes.length || placed.length === 0 || placed.length > confirmedNodesMax) return false;
  const statuses = await Promise.all(placed.map(({ ports }) => readNodeStatus(ports.health)));
  if (statuses.some((status) => (status?.membership?.sequence ?? 0) > 0)) return true;
  // A node that does not answer, or is of an older version, could know more.
  if (statuses.some((status) => status?.membership === undefined)) return false;
  const bytes = (await readFileIfThere(folder.firstCertificate)) ?? (await signFirst(folder, keys, peersOf(placed)));
  const [first] = placed;
  return first !== undefined && (await commander.certify(localPlace(first.ports.admin, first.peerId), bytes)).ok;
}

function peersOf(placed: readonly { readonly peerId: PeerId }[]): readonly PeerId[] {
  return placed.map(({ peerId }) => peerId).sort();
}

async function signFirst(folder: FarmFolder, { genesis, owner }: FarmKeys, joining: readonly PeerId[]): Promise<Uint8Array> {
  const statement: MembershipStatement = { sequence: 1, previous: genesis.networkId, joining, leaving: [] };
  const { bytes } = signAsOwner(genesis, owner, statement);
  await writeFileAtomic(folder.firstCertificate, bytes);
  return bytes;
}
