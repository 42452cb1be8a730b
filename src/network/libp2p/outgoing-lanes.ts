// Lanes on which this side sends, one a peer: opened when the receiver asks for them.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { Message } from "../peers.ts";
import type { LaneRequest, OutgoingTransfer } from "./bulk.ts";
import { LaneError } from "./failure.ts";
import type { LaneBase } from "./lane-base.ts";
import type { FromLaneWorker, ToLaneWorker } from "./lane-messages.ts";
import type { Grant } from "./lane-window.ts";
import { type LaneOffer, makeOffer, openLaneBody, readOpenLane, tokenOf } from "./open-lane.ts";
import { createOutLane, type OutLane } from "./out-lane.ts";

export type OutgoingLanes = {
  send(peer: PeerId, chunks: readonly Uint8Array[]): OutgoingTransfer;
  /** Sends a request on the open lane to a peer; undefined where there is none or it takes no more now. */
  request(peer: PeerId, code: number, message: Message): LaneRequest | undefined;
  answer(from: PeerId, body: Uint8Array): Promise<Uint8Array>;
  letGo(message: Extract<FromLaneWorker, { readonly type: "let-go" }>): void;
  noted(message: Extract<FromLaneWorker, { readonly type: "noted" }>): void;
  closed(lane: number, why: string): void;
  drop(peer: PeerId): void;
  dropAll(why: string): void;
};

type Held = { readonly lane: OutLane; readonly timer: Timer; grant: Grant | undefined };

const transferMax = 0xffff_fffe;

/** No lanes yet. */
export function createOutgoingLanes(base: LaneBase): OutgoingLanes {
  const register = createRegister(base);
  const withLane = ({ lane }: { readonly lane: number }, act: (lane: OutLane) => void): void => {
    const held = register.byNumber.get(lane);
    if (held !== undefined) act(held.lane);
  };
  return {
    send: (peer, chunks) => register.laneOf(peer).lane.send(chunks),
    request: (peer, code, message) => register.byPeer.get(peer)?.lane.request(code, message),
    answer: (from, body) => answer(base, register, from, body),
    letGo: (message) => withLane(message, (lane) => lane.letGo(message.transfers, message.unsent)),
    noted: (message) => withLane(message, (lane) => lane.noted(message.note, undefined)),
    closed: (number, why) => {
      const held = register.byNumber.get(number);
      if (held !== undefined) register.end(held, new LaneError("lost", why));
    },
    drop: (peer) => register.drop(peer, "the connection closed"),
    dropAll: (why) => {
      for (const held of [...register.byPeer.values()]) register.end(held, new LaneError("lost", why));
    },
  };
}

type Register = {
  readonly byPeer: ReadonlyMap<PeerId, Held>;
  readonly byNumber: Map<number, Held>;
  /** The lane to a peer, made where there is none: then it waits for the receiver. */
  laneOf(peer: PeerId): Held;
  end(held: Held, error: LaneError): void;
  drop(peer: PeerId, why: string): void;
};

function createRegister(base: LaneBase): Register {
  const { thread, clock, limits } = base;
  const byPeer = new Map<PeerId, Held>();
  const byNumber = new Map<number, Held>();
  let lastTransfer = 0;
  const nextTransfer = (): number => {
    lastTransfer = lastTransfer === transferMax ? 1 : lastTransfer + 1;
    return lastTransfer;
  };
  const end = (held: Held, error: LaneError): void => {
    const { lane } = held;
    held.timer.cancel();
    held.grant?.give();
    if (byPeer.get(lane.peer) === held) byPeer.delete(lane.peer);
    byNumber.delete(lane.number() ?? 0);
    lane.end(error);
  };
  const laneOf = (peer: PeerId): Held => {
    const there = byPeer.get(peer);
    if (there !== undefined) return there;
    const unopened = (): void => {
      if (held.lane.number() === undefined) end(held, new LaneError("none", "the receiver opened no lane in time"));
    };
    const timer = clock.after(limits.laneOpenMs, unopened);
    const held: Held = { lane: createOutLane(base, peer, nextTransfer), timer, grant: undefined };
    byPeer.set(peer, held);
    return held;
  };
  const drop = (peer: PeerId, why: string): void => {
    const held = byPeer.get(peer);
    if (held === undefined) return;
    const number = held.lane.number();
    if (number !== undefined) thread.post({ type: "drop", lane: number });
    end(held, new LaneError("lost", why));
  };
  return { byPeer, byNumber, laneOf, end, drop };
}

/** The peer wants to receive: a fresh lane, the old one having ended for it, with all that waited. */
async function answer(base: LaneBase, register: Register, from: PeerId, body: Uint8Array): Promise<Uint8Array> {
  const { thread, limits } = base;
  const { offer: theirs, window: theyTake } = readOpenLane(body);
  await thread.ready();
  if (register.byPeer.get(from)?.lane.number() !== undefined) register.drop(from, "the receiver opened another lane");
  const held = register.laneOf(from);
  if (held.lane.number() !== undefined) throw new LaneError("lost", "two lanes are being opened at once");
  const mine = theirs === null && thread.port() !== 0 ? makeOffer(thread.port(), base.random) : null;
  if (mine === null && theirs === null) return openLaneBody({ offer: null, window: 0 });
  const opening = openingOf(base, from, { mine, theirs });
  const number = base.nextLane();
  const grant = base.grants.take(limits.laneAsksMax);
  held.grant = grant;
  register.byNumber.set(number, held);
  thread.post({ ...opening, lane: number, role: "send", window: grant.bytes });
  held.lane.open(number, theyTake);
  return openLaneBody({ offer: mine, window: grant.bytes });
}

type Offers = { readonly mine: LaneOffer | null; readonly theirs: LaneOffer | null };
type Opening = Extract<ToLaneWorker, { readonly type: "admit" | "dial" }>;
type How<T> = T extends Opening ? Omit<T, "lane" | "role" | "window"> : never;

/** How the worker gets the lane: it waits for the receiver's dial, or dials the receiver's own offer. Throws a LaneError where it can do neither. */
function openingOf(base: LaneBase, peer: PeerId, { mine, theirs }: Offers): How<Opening> {
  if (mine !== null) return { type: "admit", token: tokenOf(mine, base.networkKey), lifeMs: base.limits.laneTokenMs };
  const ip = base.remoteIp(peer);
  if (theirs === null || ip === undefined) throw new LaneError("none", "nobody to dial");
  return { type: "dial", token: tokenOf(theirs, base.networkKey), ip, port: theirs.port };
}
