// Who may enter the directory. A node is told of by somebody before it is met, and a signature costs its maker nothing: so
// of the nodes that nobody here has met, each teller may name only so many at a time. On an open network all tellers from
// one observed address range count as one, and only so many nodes of a range are met. Who is in stays in.
import type { PeerId } from "../../protocol/peer-id.ts";
import { addressRange, privateRanges, trustedAddresses } from "./address-range.ts";

/** A network that anybody may join. */
export type OpenNetwork = {
  /** Address ranges ("10.0.0.0/8") that are never counted, beside loopback; absent: the private ones. */
  readonly trustedRanges?: readonly string[];
};

export type NewcomerParts = {
  readonly isConnected: (peer: PeerId) => boolean;
  /** Whether a peer is in the directory. */
  readonly isNode: (peer: PeerId) => boolean;
  /** Where a connected peer's connection comes from, or goes to. */
  readonly remoteIp: (peer: PeerId) => string | undefined;
  /** Absent: a farm whose network key keeps strangers out. */
  readonly open?: OpenNetwork | undefined;
};

export type Newcomers = {
  /** Whether a node that is not in the directory may enter it, told of by `from`; it counts where it may. */
  admit(peer: PeerId, from: PeerId): boolean;
  /** A connection to this node stands. */
  met(peer: PeerId): void;
  /** This node is not in the directory any more. */
  left(peer: PeerId): void;
};

/**
 * Nodes not met, told of by one teller. A node opens connections to 64 others and is told of the rest by these: 64 × 256 are
 * more than the largest directory. Each costs an attempt to reach it every quarter of a minute, and about 2 KB.
 */
export const unseenPerTellerMax = 256;
/** Nodes of one range on an open network: a large household or office. */
export const nodesPerRangeMax = 32;

/** Nobody came yet. */
export function createNewcomers(parts: NewcomerParts): Newcomers {
  const { isConnected, isNode, remoteIp, open } = parts;
  const isTrusted = trustedAddresses(open?.trustedRanges ?? privateRanges);
  const [tellers, ranges] = [createTally(), createTally()];
  /** The range that a connected peer counts in; undefined where ranges are not counted. */
  const observed = (peer: PeerId): string | undefined => {
    const ip = open === undefined ? undefined : remoteIp(peer);
    return ip === undefined || isTrusted(ip) ? undefined : addressRange(ip);
  };
  // Peers that are no nodes, such as clients, cost nothing to make up: they are one teller.
  const tellerOf = (from: PeerId): string => observed(from) ?? (isNode(from) ? from : "others");
  const meet = (peer: PeerId): boolean => {
    const range = observed(peer);
    return range === undefined || ranges.count(peer, range, nodesPerRangeMax);
  };
  return {
    admit: (peer, from) => (isConnected(peer) && meet(peer)) || tellers.count(peer, tellerOf(from), unseenPerTellerMax),
    met: (peer) => {
      if (tellers.has(peer) && meet(peer)) tellers.forget(peer);
    },
    left: (peer) => {
      tellers.forget(peer);
      ranges.forget(peer);
    },
  };
}

type Tally = {
  has(peer: PeerId): boolean;
  /** Counts a peer under a heading where that has fewer than `most`; whether it is counted. */
  count(peer: PeerId, heading: string, most: number): boolean;
  forget(peer: PeerId): void;
};

function createTally(): Tally {
  const headings = new Map<PeerId, string>();
  const counts = new Map<string, number>();
  return {
    has: (peer) => headings.has(peer),
    count: (peer, heading, most) => {
      const there = counts.get(heading) ?? 0;
      if (headings.has(peer)) return true;
      if (there >= most) return false;
      headings.set(peer, heading);
      counts.set(heading, there + 1);
      return true;
    },
    forget: (peer) => {
      const heading = headings.get(peer);
      if (heading === undefined) return;
      headings.delete(peer);
      const left = (counts.get(heading) ?? 1) - 1;
      if (left === 0) counts.delete(heading);
      else counts.set(heading, left);
    },
  };
}
