// Lanes on which this side receives: opened at the first announced transfer, by dialling the sender or, where that cannot
// be, by being dialled. A lane's end fails only what was under way on it.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { AnnouncedTransfer, ReceivedChunks } from "./bulk.ts";
import { buffersOf, type ChunkBuffer } from "./chunk-buffers.ts";
import { LaneError } from "./failure.ts";
import type { LaneBase } from "./lane-base.ts";
import type { FromLaneWorker } from "./lane-messages.ts";
import { makeOffer, openLaneBody, readOpenLane, tokenOf } from "./open-lane.ts";

type Arrival = Extract<FromLaneWorker, { readonly type: "received" | "revoked" }>;

// Memory that this side holds without use: as much as one largest message.
const returnsHeldMax = 8 * 1024 * 1024;

export type IncomingLanes = {
  receive(announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks>;
  onMessage(message: Arrival): void;
  opened(lane: number): void;
  closed(lane: number, why: string): void;
  drop(peer: PeerId): void;
  dropAll(why: string): void;
};

type InLane = {
  readonly peer: PeerId;
  readonly number: number;
  readonly open: PromiseWithResolvers<void>;
  readonly waiting: Map<number, PromiseWithResolvers<ReceivedChunks>>;
};

/** No lanes yet. */
export function createIncomingLanes(base: LaneBase): IncomingLanes {
  const { thread } = base;
  const byPeer = new Map<PeerId, Promise<InLane>>();
  const byNumber = new Map<number, InLane>();
  const returns = createReturns((buffers) => thread.post({ type: "recycle", buffers }));

  const make = (peer: PeerId): InLane => {
    const lane: InLane = { peer, number: base.nextLane(), open: Promise.withResolvers<void>(), waiting: new Map() };
    lane.open.promise.catch(() => {});
    byNumber.set(lane.number, lane);
    return lane;
  };
  const laneOf = (peer: PeerId): Promise<InLane> => {
    const there = byPeer.get(peer);
    if (there !== undefined) return there;
    const opening = openLane(base, peer, make).catch((cause: unknown) => {
      if (byPeer.get(peer) === opening) byPeer.delete(peer);
      throw new LaneError("none", "no lane could be opened", cause);
    });
    byPeer.set(peer, opening);
    return opening;
  };
  const receive = async ({ peer, transfer, lengths }: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks> => {
    const lane = await abortable(laneOf(peer), signal);
    if (byNumber.get(lane.number) !== lane) throw new LaneError("lost", "the lane closed");
    const arrival = Promise.withResolvers<ReceivedChunks>();
    const stop = (): void => arrival.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    lane.waiting.set(transfer, arrival);
    const buffers = returns.take();
    thread.post({ type: "expect", lane: lane.number, transfer, lengths, buffers });
    try {
      return await arrival.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      if (lane.waiting.delete(transfer)) thread.post({ type: "forget", lane: lane.number, transfer });
    }
  };
  const onMessage = (message: Arrival): void => {
    const lane = byNumber.get(message.lane);
    const arrival = lane?.waiting.get(message.transfer);
    lane?.waiting.delete(message.transfer);
    if (message.type === "revoked") return arrival?.reject(new LaneError("lost", "the sender took the chunks back"));
    const release = (): void => returns.give(buffersOf(message.chunks));
    if (arrival === undefined) release();
    else arrival.resolve({ chunks: message.chunks, hashes: message.hashes, release: once(release) });
  };
  const end = (lane: InLane, why: string): void => {
    byNumber.delete(lane.number);
    if (byNumber.size === 0) returns.take();
    const error = new LaneError("lost", why);
    lane.open.reject(error);
    for (const arrival of lane.waiting.values()) arrival.reject(error);
    lane.waiting.clear();
    byPeer.get(lane.peer)?.then(
      (current) => current === lane && byPeer.delete(lane.peer),
      () => {},
    );
  };
  const drop = (peer: PeerId): void => {
    byPeer.delete(peer);
    for (const lane of [...byNumber.values()]) {
      if (lane.peer !== peer) continue;
      thread.post({ type: "drop", lane: lane.number });
      end(lane, "the connection closed");
    }
  };
  const closed = (number: number, why: string): void => {
    const lane = byNumber.get(number);
    if (lane !== undefined) end(lane, why);
  };
  const dropAll = (why: string): void => {
    byPeer.clear();
    for (const lane of [...byNumber.values()]) end(lane, why);
  };
  return { receive, onMessage, opened: (number) => byNumber.get(number)?.open.resolve(), closed, drop, dropAll };
}

/** Dials what the sender offers; lets the sender dial where it offers nothing or cannot be reached. */
async function openLane(base: LaneBase, peer: PeerId, make: (peer: PeerId) => InLane): Promise<InLane> {
  const { thread, networkKey } = base;
  await thread.ready();
  const theirs = readOpenLane(await base.ask(peer, openLaneBody(null)));
  const ip = base.remoteIp(peer);
  if (theirs !== null && ip !== undefined) {
    const lane = make(peer);
    thread.post({ type: "dial", lane: lane.number, role: "receive", token: tokenOf(theirs, networkKey), ip, port: theirs.port });
    const dialled = await lane.open.promise.then(
      () => true,
      () => false,
    );
    if (dialled) return lane;
  }
  if (thread.port() === 0) throw new LaneError("none", "neither side can dial the other's lane port");
  const mine = makeOffer(thread.port(), base.random);
  const lane = make(peer);
  thread.post({ type: "admit", lane: lane.number, role: "receive", token: tokenOf(mine, networkKey), lifeMs: base.limits.laneTokenMs });
  await base.ask(peer, openLaneBody(mine));
  await lane.open.promise;
  return lane;
}

/** Shared buffers on their way back to the worker, the only ones it uses again: they go with the next transfer that is expected, or with `post` where they become many. */
function createReturns(post: (buffers: readonly ChunkBuffer[]) => void): {
  give(buffers: readonly ChunkBuffer[]): void;
  take(): readonly ChunkBuffer[];
} {
  let held: readonly ChunkBuffer[] = [];
  const take = (): readonly ChunkBuffer[] => {
    const taken = held;
    held = [];
    return taken;
  };
  const give = (buffers: readonly ChunkBuffer[]): void => {
    held = [...held, ...buffers.filter((buffer) => !(buffer instanceof ArrayBuffer))];
    if (held.reduce((sum, { byteLength }) => sum + byteLength, 0) > returnsHeldMax) post(take());
  };
  return { give, take };
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
