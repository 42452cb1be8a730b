// Which live node has the vault that a pointer names. Made anew when it is asked for after a change of the directory.
import type { Directory } from "../../network/directory.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type TakerId, takerIdOf } from "./pointer-book.ts";

export type TakerIndex = { peerOf(taker: TakerId): PeerId | undefined };

/** An index over the nodes of a directory. Where two vaults share 8 bytes, one of them is named: its reader looks on. */
export function createTakerIndex(directory: Pick<Directory, "nodes" | "node">): TakerIndex {
  let peers = new Map<TakerId, PeerId>();
  const readAgain = (): void => {
    peers = new Map(directory.nodes().flatMap(({ record }) => record.vaults.map(({ name }) => [takerIdOf(name), record.peerId])));
  };
  const has = (peer: PeerId | undefined, taker: TakerId): boolean =>
    peer !== undefined && (directory.node(peer)?.record.vaults.some(({ name }) => takerIdOf(name) === taker) ?? false);
  return {
    peerOf: (taker) => {
      if (!has(peers.get(taker), taker)) readAgain();
      const peer = peers.get(taker);
      return peer !== undefined && directory.node(peer)?.state === "live" ? peer : undefined;
    },
  };
}
