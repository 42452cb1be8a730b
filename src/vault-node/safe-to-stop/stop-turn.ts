// Whose turn it is to be the second source, as a node sees the network: by the nodes that it sees live, which is how whoever hears the
// goodbye judges it too (src/protocol/leaving.ts).
import { type Directory, memberNodes } from "../../network/directory.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { witnessFor } from "../../protocol/stop-decision.ts";

/** The node whose turn it is on a statement of `leaver`; undefined where there is no other. */
export function turnAmongLive(directory: Pick<Directory, "nodes" | "node">, statement: Uint8Array, leaver: PeerId): PeerId | undefined {
  const live = memberNodes(directory).filter(({ record, state }) => state === "live" && record.vaults.length > 0);
  const candidates = live.map(({ record: { peerId, domain } }) => ({ peerId, host: domain.host }));
  const host = directory.node(leaver)?.record.domain.host ?? "";
  return witnessFor(statement, { peerId: leaver, host }, candidates)?.peerId;
}
