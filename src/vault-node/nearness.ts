// Whether a chunk that another node pushes has any business here. A grant lets a node put; it must not let it fill a vault
// with chunks of its choice, so what is pushed must lie near this node. Gateways and the owner's commands are no nodes: they
// put where room is, and their puts are bounded by grant and share alone.
import type { Directory } from "../network/directory.ts";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";

// Twice the circle in which copies are kept and looked for: two directories that differ for a while must not cost a copy.
const nearNodes = 32;

/** Says whether a push from `from` is too far from here. Where no more nodes are known than may be near, nothing is. */
export function createNearness(directory: Pick<Directory, "closest" | "node">, self: PeerId): (from: PeerId, address: Address) => boolean {
  return (from, address) => {
    const isNode = (directory.node(from)?.record.vaults.length ?? 0) > 0;
    if (!isNode) return false;
    const { holders } = directory.closest(address, nearNodes, "all");
    return holders.length === nearNodes && !holders.some(({ peer }) => peer === self);
  };
}
