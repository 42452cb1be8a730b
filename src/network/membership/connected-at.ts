// Whether an address leads to a node that is connected already: dialled anew, all that is under way over its connection would move.
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Directory } from "../directory.ts";
import type { Peers } from "../peers.ts";

/** The connected node whose record names this address; undefined where there is none. */
export function connectedAt(
  { ip, libp2p }: NodeAddress,
  peers: Pick<Peers, "connected">,
  directory: Pick<Directory, "node">,
): PeerId | undefined {
  const listens = (peer: PeerId): boolean =>
    directory.node(peer)?.record.addresses.some((address) => address.ip === ip && address.libp2p === libp2p) === true;
  return peers.connected().find(listens);
}
