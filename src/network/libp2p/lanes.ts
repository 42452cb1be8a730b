// Lanes seen from the main thread: which peer has which, how they are opened, and the transfers under way on them. One
// lane a direction and peer; the receiver of bulk dials where it can, because a socket that dials reads at half the cost.
import type { PeerId } from "../../protocol/peer-id.ts";
import { rareLog } from "../../runtime/rare-log.ts";
import type { Message } from "../peers.ts";
import type { AnnouncedTransfer, Bulk, LaneRequest, OutgoingTransfer, ReceivedChunks } from "./bulk.ts";
import { chunkBytes, goesByLane } from "./bulk-message.ts";
import { createIncomingLanes, type IncomingLanes } from "./incoming-lanes.ts";
import type { LaneBase, LanesParts } from "./lane-base.ts";
import type { FromLaneWorker } from "./lane-messages.ts";
import { createGrants } from "./lane-window.ts";
import { createOutgoingLanes, type OutgoingLanes } from "./outgoing-lanes.ts";
import { createLaneThread } from "./worker-thread.ts";

export type Lanes = Bulk & {
  /** Answers the lanes' question of a peer. Rejects with a LaneError where no lane can be had. */
  answer(from: PeerId, body: Uint8Array): Promise<Uint8Array>;
  port(): number;
  /** The peer's last connection closed: its lanes end with it. */
  drop(peer: PeerId): void;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Lanes of one peer, the worker not started yet. */
export function createLanes(parts: LanesParts): Lanes {
  const avoided = new Map<PeerId, number>();
  let lastLane = 0;
  const onDeath = (): void => {
    incoming.dropAll("the lane worker ended");
    outgoing.dropAll("the lane worker ended");
  };
  const thread = createLaneThread({
    listen: parts.listen,
    times: { idleMs: parts.limits.laneIdleMs, stallMs: parts.limits.laneStallMs },
    log: rareLog(parts.log, parts.clock),
    onMessage: (message) => route(message, incoming, outgoing),
    onDeath,
  });
  const nextLane = (): number => {
    lastLane += 1;
    return lastLane;
  };
  const base: LaneBase = {
    ...parts,
    thread,
    grants: createGrants(parts.limits.allLaneRequestsMax),
    nextLane,
    discard: (announced) => incoming.discard(announced),
  };
  const incoming = createIncomingLanes(base);
  const outgoing = createOutgoingLanes(base);
  const reaches = (peer: PeerId): boolean => {
    const untilMs = avoided.get(peer);
    if (untilMs === undefined) return true;
    if (untilMs > parts.clock.monotonicMs()) return false;
    avoided.delete(peer);
    return true;
  };
  const avoid = (peer: PeerId): void => void avoided.set(peer, parts.clock.monotonicMs() + parts.limits.laneAvoidMs);
  const drop = (peer: PeerId): void => {
    incoming.drop(peer);
    outgoing.drop(peer);
    avoided.delete(peer);
  };
  const receive = async (announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks> => {
    const received = await incoming.receive(announced, signal);
    parts.onTraffic({ kind: "bytes", path: "lane", direction: "in", bytes: sum(announced.lengths) });
    return received;
  };
  const send = (peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer => {
    parts.onTraffic({ kind: "bytes", path: "lane", direction: "out", bytes: sum(chunks.map((chunk) => chunk.length)) });
    return outgoing.send(peer, chunks);
  };
  const request = (peer: PeerId, code: number, message: Message): LaneRequest | undefined => {
    const asked = (goesByLane(message) ? outgoing : incoming).request(peer, code, message);
    if (asked !== undefined)
      parts.onTraffic({ kind: "bytes", path: "lane", direction: "out", bytes: message.body.length + chunkBytes(message) });
    return asked;
  };
  return {
    ...{ reaches, avoid, send, receive, request, drop },
    discard: base.discard,
    answer: (from, body) => outgoing.answer(from, body),
    port: () => thread.port(),
    start: () => thread.start(),
    stop: () => thread.stop(),
  };
}

function route(message: FromLaneWorker, incoming: IncomingLanes, outgoing: OutgoingLanes): void {
  if (message.type === "received" || message.type === "revoked") incoming.onMessage(message);
  else if (message.type === "noted") {
    if (!incoming.onMessage(message)) outgoing.noted(message);
  } else if (message.type === "let-go") outgoing.letGo(message);
  else if (message.type === "opened") incoming.opened(message.lane);
  else if (message.type === "closed") {
    incoming.closed(message.lane, message.why);
    outgoing.closed(message.lane, message.why);
  }
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}
