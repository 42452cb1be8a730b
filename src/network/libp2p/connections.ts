// Connections to peers and who counts as connected: a peer is, from its welcome on the first connection until its last
// connection closes. Of two connections to one peer that were dialled at once the one dialled by the smaller PeerId stays; else the
// newer: who dials anew has lost the one before, whose end may not be noticed here for long.
import type { Connection, Libp2p } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type PeerId, parsePeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { PeerEvent } from "../peers.ts";
import { controlProtocol } from "./control-protocol.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type Connections = {
  /** The connection to use for new streams; undefined where there is none. */
  best(peer: PeerId): Connection | undefined;
  /** The peer has welcomed us, or we it. */
  welcomed(peer: PeerId): void;
  live(): readonly PeerId[];
  remoteIp(peer: PeerId): string | undefined;
  /** Closes every connection to the peer at once. */
  close(peer: PeerId): Promise<void>;
  stop(): void;
};

export type ConnectionsParts = {
  readonly host: Libp2p;
  readonly self: PeerId;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  onEvent(event: PeerEvent): void;
  /** Two connections to a peer are open: streams should move to the best one. */
  onDouble(peer: PeerId): void;
  /** The peer dialled anew, perhaps as another process: what it had here from before is of no use to it. */
  onReplaced(peer: PeerId): void;
};

/** Watches the connections of `host`, which is not started yet. */
export function createConnections(parts: ConnectionsParts): Connections {
  const { host, self, clock, limits } = parts;
  const live = new Set<PeerId>();
  let stopped = false;
  const open = (peer: PeerId): Connection[] => host.getConnections(peerIdFromString(peer)).filter(({ status }) => status === "open");
  const openedMs = new WeakMap<Connection, number>();
  const ageOf = (connection: Connection): number => clock.monotonicMs() - (openedMs.get(connection) ?? 0);
  /** Without those that are much older than the newest. */
  const current = (peer: PeerId): Connection[] => {
    const all = open(peer);
    const newest = Math.min(...all.map(ageOf));
    return all.filter((connection) => ageOf(connection) - newest <= limits.dialMs);
  };
  const best = (peer: PeerId): Connection | undefined => {
    const kept = self < peer ? "outbound" : "inbound";
    const all = current(peer);
    return all.findLast(({ direction }) => direction === kept) ?? all.at(-1);
  };
  /** Peers with a connection that replaces others, until they are met over it. */
  const replaced = new Set<PeerId>();
  const welcomed = (peer: PeerId): void => {
    if (open(peer).length === 0 || (live.has(peer) && !replaced.has(peer))) return;
    replaced.delete(peer);
    live.add(peer);
    parts.onEvent({ kind: "connected", peer });
  };
  const prune = (peer: PeerId): void => {
    const spare = open(peer).filter((connection) => connection !== best(peer));
    if (stopped || spare.length === 0) return;
    parts.onDouble(peer);
    for (const connection of spare)
      if (!connection.streams.some(({ protocol }) => protocol === controlProtocol)) connection.close().catch(() => {});
    clock.after(limits.pruneMs, () => prune(peer));
  };
  host.addEventListener("connection:open", ({ detail }) => {
    const peer = parsePeerId(detail.remotePeer.toString());
    if (peer === undefined) return detail.abort(new Error("not an ed25519 identity"));
    openedMs.set(detail, clock.monotonicMs());
    if (open(peer).length > 1) clock.after(limits.pruneMs, () => prune(peer));
    if (live.has(peer) && current(peer).length < open(peer).length) {
      replaced.add(peer);
      parts.onReplaced(peer);
    }
    // Who finishes the handshake and then says nothing would hold a connection for nothing.
    clock.after(limits.upgradeMs, () => !stopped && !live.has(peer) && detail.abort(new Error("no hello")));
  });
  host.addEventListener("connection:close", ({ detail }) => {
    const peer = parsePeerId(detail.remotePeer.toString());
    if (peer === undefined || !live.has(peer) || open(peer).some(({ id }) => id !== detail.id)) return;
    live.delete(peer);
    replaced.delete(peer);
    parts.onEvent({ kind: "disconnected", peer });
  });
  const close = async (peer: PeerId): Promise<void> => {
    for (const connection of host.getConnections(peerIdFromString(peer))) connection.abort(new Error("disconnected"));
  };
  const stop = (): void => {
    stopped = true;
  };
  return { best, welcomed, live: () => [...live], remoteIp: (peer) => ipOf(best(peer)), close, stop };
}

function ipOf(connection: Connection | undefined): string | undefined {
  return /^\/ip[46]\/([^/]+)/.exec(connection?.remoteAddr.toString() ?? "")?.[1];
}
