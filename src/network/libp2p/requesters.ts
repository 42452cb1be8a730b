// One requester a peer: made at the first request, dialling where there is no connection, shared by all who wait for it,
// and moved to the better of two connections once it is idle.
import type { Connection, Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { Address } from "../../protocol/address.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError } from "../errors.ts";
import type { Bulk } from "./bulk.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";
import type { Connections } from "./connections.ts";
import { controlProtocol } from "./control-protocol.ts";
import { dialError } from "./dial-error.ts";
import { multiaddrText } from "./host.ts";
import { createRequester, type Requester } from "./requester.ts";
import type { TrafficListener } from "./traffic.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type Requesters = {
  /** The requester to a peer, dialling first where needed. Rejects with a NetworkError. */
  of(peer: PeerId): Promise<Requester>;
  /** The peer's last connection closed. */
  close(peer: PeerId): void;
  /** A better connection is there: leave the other as soon as nothing waits on it. */
  move(peer: PeerId): void;
  closeAll(): void;
};

export type RequestersParts = {
  readonly host: Libp2p;
  readonly connections: Connections;
  readonly limits: TransportLimits;
  readonly lanes: Bulk;
  readonly networkId: Address;
  readonly onTraffic: TrafficListener;
  known(peer: PeerId): readonly NodeAddress[];
  onOffence(peer: PeerId, why: string): void;
};

/** No requesters yet. */
export function createRequesters(parts: RequestersParts): Requesters {
  const made = new Map<PeerId, Promise<Requester>>();
  const leaving = new Set<Requester>();
  const budget = createByteBudget(parts.limits.allBytesOutMax);
  const of = (peer: PeerId): Promise<Requester> => {
    const there = made.get(peer);
    if (there !== undefined) return there;
    const forget = (): void => {
      if (made.get(peer) === fresh) made.delete(peer);
    };
    const fresh = open(parts, peer, { budget, onClose: forget });
    made.set(peer, fresh);
    fresh.catch(forget);
    return fresh;
  };
  const close = (peer: PeerId): void => {
    made.get(peer)?.then(
      (requester) => requester.close(),
      () => {},
    );
    made.delete(peer);
  };
  const closeIdle = (): void => {
    for (const requester of leaving) {
      if (requester.pending() > 0) continue;
      requester.close();
      leaving.delete(requester);
    }
  };
  const move = (peer: PeerId): void => {
    const current = made.get(peer);
    current?.then(
      (requester) => {
        if (requester.connection === parts.connections.best(peer)) return;
        if (made.get(peer) === current) made.delete(peer);
        leaving.add(requester);
      },
      () => {},
    );
    closeIdle();
  };
  const closeAll = (): void => {
    for (const peer of [...made.keys()]) close(peer);
    for (const requester of leaving) requester.close();
    leaving.clear();
  };
  return { of, close, move, closeAll };
}

async function open(parts: RequestersParts, peer: PeerId, own: { budget: ByteBudget; onClose: () => void }): Promise<Requester> {
  const { limits, connections, networkId, lanes, onTraffic } = parts;
  try {
    const connection = connections.best(peer) ?? (await dial(parts, peer));
    const how = { maxOutboundStreams: limits.inboundStreamsMax, signal: AbortSignal.timeout(limits.dialMs) };
    const stream = await connection.newStream(controlProtocol, how);
    const onOffence = (why: string): void => parts.onOffence(peer, why);
    const requester = createRequester(stream, connection, { peer, networkId, bulk: lanes, limits, onTraffic, onOffence, ...own });
    requester.welcomed.then(
      () => connections.welcomed(peer),
      () => {},
    );
    return requester;
  } catch (cause) {
    throw dialError(peer, cause, peer);
  }
}

async function dial({ host, known, limits }: RequestersParts, peer: PeerId): Promise<Connection> {
  const addresses = known(peer);
  if (addresses.length === 0) throw new NetworkError("unreachable", `no known address of ${peer}`, { peer });
  const targets = addresses.map(({ ip, libp2p }) => multiaddr(`${multiaddrText(ip, libp2p)}/p2p/${peer}`));
  return host.dial(targets, { signal: AbortSignal.timeout(limits.dialMs) });
}
