// The panel of a node: those who are asked whether it is silent. All nodes in a small farm; in a large one a few, the same
// for everybody who knows the same nodes, so that the cost of a death does not grow with the network.
import { concatBytes, textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/** The `count` of `nodes` that answer for `subject`: those whose hash with it is smallest (rendezvous hashing, Thaler and Ravishankar 1996). */
export function panelOf(subject: PeerId, nodes: readonly PeerId[], count: number): readonly PeerId[] {
  const others = nodes.filter((peer) => peer !== subject);
  if (others.length <= count) return others;
  const ranked = others.map((peer) => ({ peer, rank: Buffer.from(hash(concatBytes(textBytes(subject), textBytes(peer)))) }));
  ranked.sort((a, b) => Buffer.compare(a.rank, b.rank));
  return ranked.slice(0, count).map(({ peer }) => peer);
}
