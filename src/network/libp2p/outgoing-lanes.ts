// Lanes on which this side sends. The receiver opens them: transfers wait here until it has, and are lost with the lane.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { OutgoingTransfer } from "./bulk.ts";
import { LaneError } from "./failure.ts";
import type { LaneBase } from "./lane-base.ts";
import type { ToLaneWorker } from "./lane-messages.ts";
import { makeOffer, openLaneBody, readOpenLane, tokenOf } from "./open-lane.ts";

export type OutgoingLanes = {
  send(peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer;
  answer(from: PeerId, body: Uint8Array): Promise<Uint8Array>;
  letGo(lane: number, released: readonly number[]): void;
  closed(lane: number, why: string): void;
  drop(peer: PeerId): void;
  dropAll(why: string): void;
};

type Transfer = { readonly chunks: readonly Uint8Array[]; readonly done: PromiseWithResolvers<void>; posted: boolean };
/** `number`: undefined until the receiver has asked for the lane. */
type OutLane = { readonly peer: PeerId; number: number | undefined; readonly transfers: Map<number, Transfer>; readonly timer: Timer };

const transferMax = 0xffff_fffe;

/** No lanes yet. */
export function createOutgoingLanes(base: LaneBase): OutgoingLanes {
  const { thread, clock, limits } = base;
  const byPeer = new Map<PeerId, OutLane>();
  const byNumber = new Map<number, OutLane>();
  let lastTransfer = 0;

  const end = (lane: OutLane, error: LaneError): void => {
    lane.timer.cancel();
    if (byPeer.get(lane.peer) === lane) byPeer.delete(lane.peer);
    if (lane.number !== undefined) byNumber.delete(lane.number);
    for (const { done } of lane.transfers.values()) done.reject(error);
    lane.transfers.clear();
  };
  const laneOf = (peer: PeerId): OutLane => {
    const there = byPeer.get(peer);
    if (there !== undefined) return there;
    const unopened = (): void => {
      if (lane.number === undefined) end(lane, new LaneError("none", "the receiver opened no lane in time"));
    };
    const lane: OutLane = { peer, number: undefined, transfers: new Map(), timer: clock.after(limits.laneOpenMs, unopened) };
    byPeer.set(peer, lane);
    return lane;
  };
  const post = (lane: number, transfer: number, entry: Transfer): void => {
    entry.posted = true;
    const { chunks, moved } = postable(entry.chunks);
    thread.post({ type: "send", lane, transfer, chunks }, moved);
  };
  const send = (peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer => {
    const lane = laneOf(peer);
    lastTransfer = lastTransfer === transferMax ? 1 : lastTransfer + 1;
    const transfer = lastTransfer;
    const entry: Transfer = { chunks, done: Promise.withResolvers<void>(), posted: false };
    entry.done.promise.catch(() => {});
    lane.transfers.set(transfer, entry);
    if (lane.number !== undefined) post(lane.number, transfer, entry);
    const cancel = (): void => {
      if (!lane.transfers.has(transfer)) return;
      if (lane.number !== undefined) return thread.post({ type: "cancel", lane: lane.number, transfer });
      lane.transfers.delete(transfer);
      entry.done.resolve();
    };
    return { transfer, done: entry.done.promise, cancel };
  };
  /** The peer wants to receive: a fresh lane, the old one having ended for it, with all that waited. */
  const answer = async (from: PeerId, body: Uint8Array): Promise<Uint8Array> => {
    const theirs = readOpenLane(body);
    await thread.ready();
    const old = byPeer.get(from);
    if (old?.number !== undefined) {
      thread.post({ type: "drop", lane: old.number });
      end(old, new LaneError("lost", "the receiver opened another lane"));
    }
    const lane = laneOf(from);
    if (lane.number !== undefined) throw new LaneError("lost", "two lanes are being opened at once");
    const mine = theirs === null && thread.port() !== 0 ? makeOffer(thread.port(), base.random) : null;
    if (mine === null && theirs === null) return openLaneBody(null);
    lane.number = base.nextLane();
    byNumber.set(lane.number, lane);
    thread.post(openingOf(base, { peer: from, lane: lane.number, mine, theirs }));
    for (const [transfer, entry] of lane.transfers) post(lane.number, transfer, entry);
    return openLaneBody(mine);
  };
  const letGo = (lane: number, released: readonly number[]): void => {
    const transfers = byNumber.get(lane)?.transfers;
    for (const transfer of released) {
      transfers?.get(transfer)?.done.resolve();
      transfers?.delete(transfer);
    }
  };
  const closed = (number: number, why: string): void => {
    const lane = byNumber.get(number);
    if (lane !== undefined) end(lane, new LaneError("lost", why));
  };
  const drop = (peer: PeerId): void => {
    const lane = byPeer.get(peer);
    if (lane === undefined) return;
    if (lane.number !== undefined) thread.post({ type: "drop", lane: lane.number });
    end(lane, new LaneError("lost", "the connection closed"));
  };
  const dropAll = (why: string): void => {
    for (const lane of [...byPeer.values()]) end(lane, new LaneError("lost", why));
  };
  return { send, answer, letGo, closed, drop, dropAll };
}

type Offer = ReturnType<typeof readOpenLane>;

/** How the worker gets the lane: it waits for the receiver's dial, or dials the receiver's own offer. */
function openingOf(base: LaneBase, { peer, lane, mine, theirs }: { peer: PeerId; lane: number; mine: Offer; theirs: Offer }): ToLaneWorker {
  if (mine !== null) return { type: "admit", lane, role: "send", token: tokenOf(mine, base.networkKey), lifeMs: base.limits.laneTokenMs };
  const ip = base.remoteIp(peer);
  if (theirs === null || ip === undefined) throw new LaneError("none", "nobody to dial");
  return { type: "dial", lane, role: "send", token: tokenOf(theirs, base.networkKey), ip, port: theirs.port };
}

/** Chunks over shared buffers as they are, others copied once and then moved: posting them would copy all of the buffer below them. */
function postable(chunks: readonly Uint8Array[]): { chunks: readonly Uint8Array[]; moved: readonly ArrayBuffer[] } {
  const moved: ArrayBuffer[] = [];
  const out = chunks.map((chunk) => {
    if (chunk.buffer instanceof SharedArrayBuffer) return chunk;
    const copy = new Uint8Array(chunk.length);
    copy.set(chunk);
    moved.push(copy.buffer);
    return copy;
  });
  return { chunks: out, moved };
}
