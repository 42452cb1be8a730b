// Where the nodes of a farm listen, for those that start and for gateways: the file is read again until somebody answers.
// Peers that run are told by admin commands as well, which is faster than the kubelet's refresh of a file.
import type { NodeAddress } from "../../protocol/node-record.ts";
import { type FarmIdentity, farmMeta, type Manifest, objectNames } from "./names.ts";

/** Enough to find somebody, few enough for a ConfigMap of any farm. */
export const peersListedMax = 256;

/** The ConfigMap of these addresses, in an order that does not depend on who was seen first. */
export function peersConfigMap(farm: FarmIdentity, addresses: readonly NodeAddress[]): Manifest {
  const sorted = [...addresses].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.libp2p - b.libp2p));
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: farmMeta(farm, objectNames.peers(farm.name)),
    data: { "peers.json": JSON.stringify(sorted.slice(0, peersListedMax)) },
  };
}
