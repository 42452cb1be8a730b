// Connections to peers and who counts as connected: a peer is, from its welcome on the first connection until its last
// connection closes. Of two connections to one peer the one dialled by the smaller PeerId stays.
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
};

/** Watches the connections of `host`, which is not started yet. */
export function createConnections(parts: ConnectionsParts): Connections {
  const { host, self, clock, limits } = parts;
  const live = new Set<PeerId>();
  let stopped = false;
  const open = (peer: PeerId): Connection[] => host.getConnections(peerIdFromString(peer)).filter(({ status }) => status === "open");
  const best = (peer: PeerId): Connection | undefined => {
    const kept = self < peer ? "outbound" : "inbound";
    const all = open(peer);
    return all.find(({ direction }) => direction === kept) ?? all[0];
  };
  const welcomed = (peer: PeerId): void => {
    if (live.has(peer) || open(peer).length === 0) return;
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
    if (open(peer).length > 1) clock.after(limits.pruneMs, () => prune(peer));
    // Who finishes the handshake and then says nothing would hold a connection for nothing.
    clock.after(limits.upgradeMs, () => !stopped && !live.has(peer) && detail.abort(new Error("no hello")));
  });
  host.addEventListener("connection:close", ({ detail }) => {
    const peer = parsePeerId(detail.remotePeer.toString());
    if (peer === undefined || !live.has(peer) || open(peer).some(({ id }) => id !== detail.id)) return;
    live.delete(peer);
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
