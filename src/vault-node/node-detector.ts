// The failure detector of a node: wired to its peers and membership, its events turned into metrics, and its view for
// whoever measures how fast all route round a dead node.
import { createDetector, type Detector } from "../network/detector/detector.ts";
import type { PulseEvent } from "../network/detector/pulse.ts";
import type { SuspicionBoard } from "../network/detector/suspicion-board.ts";
import type { Membership } from "../network/membership/membership.ts";
import type { Peers } from "../network/peers.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { SuspicionStatus } from "../protocol/suspicion-status.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { VaultNodeConfig } from "./config.ts";

export type NodeDetectorParts = {
  readonly config: VaultNodeConfig;
  readonly peers: Peers;
  readonly membership: Membership;
  readonly board: SuspicionBoard;
  readonly genesis: Genesis;
  readonly networkKey: Uint8Array | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onEvent: (event: PulseEvent) => void;
};

/** The detector of this node, not yet started. */
export function createNodeDetector(parts: NodeDetectorParts): Detector {
  const { config, membership, genesis, networkKey } = parts;
  return createDetector({
    ...parts,
    directory: membership.directory,
    refresh: membership.refresh,
    offend: membership.offend,
    network: { id: genesis.networkId, key: networkKey },
    profile: config.profile,
    listen: { ip: config.listenIp, port: config.ports.heartbeat },
    log: parts.log.with({ part: "detector" }),
  });
}

/** All other nodes as this one sees them, with what stands on the board and since when. */
export function readSuspicions({ membership, board }: Pick<NodeDetectorParts, "membership" | "board">): SuspicionStatus {
  membership.refresh();
  const standing = new Map(board.standing().map((entry) => [entry.peer, entry]));
  const nodes = membership.directory.nodes().map(({ record, state, confirmed }) => {
    const entry = standing.get(record.peerId);
    return { peerId: record.peerId, state, confirmed, hint: entry?.hint ?? "lapsed", hostMs: entry?.hostMs ?? 0 };
  });
  return { nodes };
}
