// The real transport: `Peers` over libp2p connections with kept streams, and TLS lanes for bulk.
import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { Address } from "../../protocol/address.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { type PeerId, parsePeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { NetworkError } from "../errors.ts";
import { type Delivery, type Handler, type Message, type PeerEvent, type Peers, type RequestOptions, requestKinds } from "../peers.ts";
import type { AnsweringParts } from "./answering.ts";
import { sizeExcess } from "./bulk-message.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";
import { type Connections, createConnections } from "./connections.ts";
import { controlProtocol, openLaneCode } from "./control-protocol.ts";
import { dialError } from "./dial-error.ts";
import { createHost, type HostOptions, multiaddrText } from "./host.ts";
import { createLaneService } from "./lane-service.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { createOffences, type Offences } from "./offences.ts";
import { startLimit } from "./request-limit.ts";
import { createRequesters, type Requesters, type RequestersParts } from "./requesters.ts";
import { createResponder } from "./responder.ts";
import { createStreamBudgets, type StreamBudgets } from "./stream-budgets.ts";
import type { TrafficListener } from "./traffic.ts";
import { type TransportLimits, transportLimits } from "./transport-limits.ts";

export type Libp2pPeersOptions = HostOptions & {
  readonly networkId: Address;
  readonly clock: Clock;
  readonly log: Log;
  /** For one-time secrets; the machine's unless given. */
  readonly random?: Random;
  readonly limits?: Partial<TransportLimits>;
  /** Told of bytes, requests and failures, for metrics. */
  readonly onTraffic?: TrafficListener;
};

type Transport = {
  readonly self: PeerId;
  readonly options: Libp2pPeersOptions;
  readonly limits: TransportLimits;
  readonly handlers: Map<number, Handler>;
  readonly known: Map<PeerId, readonly NodeAddress[]>;
  readonly listeners: Set<(event: PeerEvent) => void>;
  readonly offences: Offences;
  readonly budget: ByteBudget;
  readonly streamBudgets: StreamBudgets;
  readonly lanes: Lanes;
  readonly onTraffic: TrafficListener;
  running: Running | undefined;
};
type Question = { readonly peer: PeerId; readonly code: number };
type Running = {
  readonly host: Libp2p;
  readonly connections: Connections;
  readonly requesters: Requesters;
  /** For the question that opens a lane, on a stream of its own: the other may wait for that lane before it reads on. */
  readonly laneOpeners: Requesters;
};

/** A peer over libp2p, not started yet. */
export function createLibp2pPeers(options: Libp2pPeersOptions): Peers {
  const limits = { ...transportLimits, ...options.limits };
  const self = peerIdFromPublicKey(signingKeyFromSeed(options.seed).publicKey);
  const onTraffic = options.onTraffic ?? ((): void => {});
  const lanes = createLanes({
    ...options,
    ...{ limits, onTraffic, random: options.random ?? systemRandom },
    ask: async (peer, body) => {
      const question = { peer, code: openLaneCode };
      return (await ask(transport, question, { body, chunks: [] }, { timeoutMs: limits.dialMs })).body;
    },
    remoteIp: (peer) => transport.running?.connections.remoteIp(peer),
    serve: (peer, way) => createLaneService(answeringParts(transport, peer), way),
  });
  const transport: Transport = {
    ...{ self, options, limits, lanes, onTraffic, running: undefined },
    ...{ handlers: new Map(), known: new Map(), listeners: new Set() },
    offences: createOffences(options.clock, limits),
    budget: createByteBudget(limits.allBytesInWorkMax),
    streamBudgets: createStreamBudgets(limits.bytesInWorkMax),
  };
  transport.handlers.set(openLaneCode, async (from, { body }) => ({ body: await lanes.answer(from, body), chunks: [] }));
  return {
    self,
    addresses: () => ownAddresses(transport),
    request: (peer, kind, message, how) => {
      onTraffic({ kind: "request", request: kind, direction: "out" });
      return ask(transport, { peer, code: requestKinds.indexOf(kind) }, message, how);
    },
    handle: (kind, handler) =>
      void transport.handlers.set(requestKinds.indexOf(kind), (from, message, signal) => {
        onTraffic({ kind: "request", request: kind, direction: "in" });
        return handler(from, message, signal);
      }),
    learn: (peer, addresses) => void transport.known.set(peer, addresses),
    dial: (address, how) => dialAddress(transport, address, how),
    disconnect: async (peer) => transport.running?.connections.close(peer),
    connected: () => transport.running?.connections.live() ?? [],
    remoteIp: (peer) => transport.running?.connections.remoteIp(peer),
    onEvent: (listener) => {
      transport.listeners.add(listener);
      return () => void transport.listeners.delete(listener);
    },
    start: () => start(transport),
    stop: () => stop(transport),
  };
}

async function start(transport: Transport): Promise<void> {
  const { options, limits, lanes, self, offences } = transport;
  const host = await createHost(options, limits, offences.blocked);
  const onEvent = (event: PeerEvent): void => {
    if (event.kind === "disconnected") for (const each of both) each.close(event.peer);
    if (event.kind === "disconnected") lanes.drop(event.peer);
    for (const listener of [...transport.listeners]) listener(event);
  };
  const onDouble = (peer: PeerId): void => {
    for (const each of both) each.move(peer);
  };
  const onReplaced = (peer: PeerId): void => {
    onDouble(peer);
    lanes.drop(peer);
  };
  const connections = createConnections({ host, self, clock: options.clock, limits, onEvent, onDouble, onReplaced });
  const parts: RequestersParts = {
    ...{ host, connections, limits, lanes, networkId: options.networkId, onTraffic: transport.onTraffic },
    known: (peer) => transport.known.get(peer) ?? [],
    onOffence: (peer, why) => offend(transport, peer, why),
  };
  const [requesters, laneOpeners] = [createRequesters(parts), createRequesters(parts)];
  const both = [requesters, laneOpeners];
  transport.running = { host, connections, requesters, laneOpeners };
  await lanes.start();
  const streams = { maxInboundStreams: limits.inboundStreamsMax, maxOutboundStreams: limits.inboundStreamsMax };
  await host.handle(controlProtocol, (stream, { remotePeer }) => respond(transport, stream, parsePeerId(remotePeer.toString())), streams);
  await host.start();
}

async function stop(transport: Transport): Promise<void> {
  const { running, lanes } = transport;
  transport.running = undefined;
  running?.connections.stop();
  running?.requesters.closeAll();
  running?.laneOpeners.closeAll();
  await running?.host.stop();
  await lanes.stop();
}

function respond(transport: Transport, stream: Parameters<typeof createResponder>[0], peer: PeerId | undefined): void {
  const { options, offences, running } = transport;
  if (peer === undefined || running === undefined || offences.blocked(peer)) return stream.abort(new Error("blocked"));
  createResponder(stream, {
    ...answeringParts(transport, peer),
    ...{ networkId: options.networkId, streamBudgets: transport.streamBudgets },
    onWelcome: () => running.connections.welcomed(peer),
    onOffence: (why) => offend(transport, peer, why),
  });
}

function answeringParts({ options, limits, handlers, lanes, budget, onTraffic }: Transport, peer: PeerId): AnsweringParts {
  const { clock, log } = options;
  return { peer, limits, budget, onTraffic, bulk: lanes, clock, log, handlerOf: (code) => handlers.get(code) };
}

function offend({ options, offences, running }: Transport, peer: PeerId, why: string): void {
  options.log.debug("a peer broke the protocol", { peer, why });
  if (offences.add(peer)) running?.connections.close(peer).catch(() => {});
}

async function ask(transport: Transport, { peer, code }: Question, message: Message, how: RequestOptions): Promise<Delivery> {
  const limit = startLimit(how, transport.options.clock, peer);
  try {
    const excess = sizeExcess(message);
    if (excess !== undefined) throw new NetworkError("too-large", excess, { peer });
    const { requesters, laneOpeners } = runningOf(transport, peer);
    const requester = await Promise.race([(code === openLaneCode ? laneOpeners : requesters).of(peer), limit.passed]);
    return await requester.request(code, message, limit);
  } catch (error) {
    const failure =
      error instanceof NetworkError ? error : new NetworkError("closed", `the request to ${peer} broke off`, { peer, cause: error });
    transport.onTraffic({ kind: "failure", code: failure.code });
    throw transport.running === undefined && failure.code === "closed"
      ? new NetworkError("stopped", "this peer is stopping", { peer })
      : failure;
  } finally {
    limit.clear();
  }
}

function runningOf({ running }: Transport, peer?: PeerId): Running {
  if (running === undefined) throw new NetworkError("stopped", "this peer is not running", { peer });
  return running;
}

async function dialAddress(transport: Transport, { ip, libp2p }: NodeAddress, how: RequestOptions): Promise<PeerId> {
  const where = multiaddrText(ip, libp2p);
  const limit = startLimit(how, transport.options.clock, undefined);
  try {
    const { host, requesters } = runningOf(transport);
    const connection = await Promise.race([host.dial(multiaddr(where), { signal: limit.signal }), limit.passed]);
    const peer = parsePeerId(connection.remotePeer.toString());
    if (peer === undefined) throw new NetworkError("protocol", `${where} has an identity that is not an ed25519 key`);
    const requester = await Promise.race([requesters.of(peer), limit.passed]);
    await Promise.race([requester.welcomed, limit.passed]);
    return peer;
  } catch (cause) {
    throw dialError(where, limit.signal.aborted ? limit.signal.reason : cause);
  } finally {
    limit.clear();
  }
}

function ownAddresses({ running, options, lanes }: Transport): readonly NodeAddress[] {
  const { listen } = options;
  const port = running?.host.getMultiaddrs().map((address) => /\/tcp\/(\d+)/.exec(address.toString())?.[1])[0];
  if (listen === undefined || port === undefined) return [];
  return [{ ip: listen.announceIp ?? listen.ip, libp2p: Number(port), lane: lanes.port(), heartbeat: listen.heartbeatPort?.() ?? 0 }];
}
