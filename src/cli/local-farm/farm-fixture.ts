// A farm's folder for tests: real keys and state, no process; as a farm lies there that was stopped.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { systemClock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { type FarmFolder, farmFolder, makeFarmFolder } from "./farm-folder.ts";
import { makeFarmKeys } from "./farm-keys.ts";
import { type FarmState, farmFormat, type NodePlace, writeFarmState } from "./farm-state.ts";

const ports = { libp2p: 20_001, lane: 20_002, heartbeat: 20_003, health: 20_004, admin: 20_005 };

/** A node of the farm attic that ran before. */
export function placeOf(end: string, i: number): NodePlace {
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(i + 1)).publicKey);
  return { name: `attic-${end}`, zone: "", ports, granted: true, peerId };
}

/** Five nodes, of which the manifest asked for all. */
export const fiveNodes: FarmState = {
  ...{ format: farmFormat, name: "attic", vaultsPerNode: 1, vaultCapacity: 2 ** 24, gateways: [], manifestNodes: 5 },
  nodes: ["a", "b", "c", "d", "e"].map(placeOf),
};

/** Makes the farm anew below `work`, where commands look for it. */
export async function stoppedFarm(work: string, state: FarmState = fiveNodes): Promise<FarmFolder> {
  rmSync(join(work, ".vaultfarm"), { recursive: true, force: true });
  const folder = farmFolder(join(work, ".vaultfarm"), state.name);
  await makeFarmFolder(folder);
  const beginning = { name: state.name, copies: { min: 4, target: 5, max: 8 }, vaultCapacity: state.vaultCapacity };
  await makeFarmKeys(folder, beginning, { clock: systemClock, random: seededRandom(1) });
  await writeFarmState(folder, state);
  return folder;
}
