// Lanes on which this side receives: opened at the first announced transfer, by dialling the sender or, where that cannot
// be, by being dialled. A lane's end fails only what was under way on it.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Message } from "../peers.ts";
import type { AnnouncedTransfer, LaneRequest, ReceivedChunks } from "./bulk.ts";
import { buffersOf } from "./chunk-buffers.ts";
import { type ChunkReturns, createReturns } from "./chunk-returns.ts";
import { LaneError } from "./failure.ts";
import { type Arrival, createInLane, type InLane } from "./in-lane.ts";
import type { LaneBase } from "./lane-base.ts";
import type { Grant } from "./lane-window.ts";
import { makeOffer, openLaneBody, readOpenLane, tokenOf } from "./open-lane.ts";

export type IncomingLanes = {
  receive(announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks>;
  /** Nobody waits for a transfer: its chunks are read and dropped. */
  discard(announced: AnnouncedTransfer): void;
  /** Asks a peer on the open lane from it; undefined where there is none or it takes no more now. */
  request(peer: PeerId, code: number, message: Message): LaneRequest | undefined;
  /** Whether the message is about one of these lanes. */
  onMessage(message: Arrival): boolean;
  opened(lane: number): void;
  closed(lane: number, why: string): void;
  drop(peer: PeerId): void;
  dropAll(why: string): void;
};

/** No lanes yet. */
export function createIncomingLanes(base: LaneBase): IncomingLanes {
  const { thread } = base;
  const returns = createReturns((buffers) => thread.post({ type: "recycle", buffers }));
  const register = createRegister(base, returns);
  const discard = (announced: AnnouncedTransfer): void =>
    void register.laneOf(announced.peer).then(
      (lane) => lane.discard(announced),
      () => {},
    );
  const receive = async (announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks> => {
    const lane = await abortable(register.laneOf(announced.peer), signal).catch((cause: unknown) => {
      // Given up while the lane was being opened: the chunks come all the same, unless their sender has lost them.
      if (signal.aborted && !(cause instanceof LaneError)) discard(announced);
      throw cause;
    });
    if (register.byNumber.get(lane.number) !== lane) throw new LaneError("lost", "the lane closed");
    return lane.receive(announced, signal);
  };
  const onMessage = (message: Arrival): boolean => {
    const lane = register.byNumber.get(message.lane);
    lane?.onMessage(message);
    if (lane === undefined && message.type === "received") returns.give(buffersOf(message.chunks));
    return lane !== undefined;
  };
  return {
    receive,
    discard,
    request: (peer, code, message) => register.open.get(peer)?.lane.request(code, message),
    onMessage,
    opened: (number) => register.byNumber.get(number)?.open.resolve(),
    closed: (number, why) => {
      const lane = register.byNumber.get(number);
      if (lane !== undefined) register.end(lane, why);
    },
    drop: (peer) => {
      register.forget(peer);
      for (const lane of [...register.byNumber.values()]) {
        if (lane.peer !== peer) continue;
        thread.post({ type: "drop", lane: lane.number });
        register.end(lane, "the connection closed");
      }
    },
    dropAll: (why) => {
      register.forgetAll();
      for (const lane of [...register.byNumber.values()]) register.end(lane, why);
    },
  };
}

type Register = {
  readonly byNumber: ReadonlyMap<number, InLane>;
  readonly open: ReadonlyMap<PeerId, { readonly lane: InLane }>;
  /** The lane from a peer, opened where there is none. Rejects with a LaneError. */
  laneOf(peer: PeerId): Promise<InLane>;
  end(lane: InLane, why: string): void;
  /** The next wants another lane. */
  forget(peer: PeerId): void;
  forgetAll(): void;
};

function createRegister(base: LaneBase, returns: ChunkReturns): Register {
  const byPeer = new Map<PeerId, Promise<InLane>>();
  const open = new Map<PeerId, { readonly lane: InLane; readonly grant: Grant }>();
  const byNumber = new Map<number, InLane>();
  const make = (peer: PeerId): InLane => {
    const lane = createInLane(base, peer, returns);
    byNumber.set(lane.number, lane);
    return lane;
  };
  const laneOf = (peer: PeerId): Promise<InLane> => {
    const there = byPeer.get(peer);
    if (there !== undefined) return there;
    const grant = base.grants.take(base.limits.lanePutsMax);
    const opening = openLane(base, peer, { window: grant.bytes, make }).then(
      (lane) => {
        if (byNumber.get(lane.number) !== lane) grant.give();
        else {
          // Where the connection closed meanwhile, another lane may have been opened beside this one.
          open.get(peer)?.grant.give();
          open.set(peer, { lane, grant });
        }
        return lane;
      },
      (cause: unknown) => {
        grant.give();
        if (byPeer.get(peer) === opening) byPeer.delete(peer);
        throw new LaneError("none", "no lane could be opened", cause);
      },
    );
    byPeer.set(peer, opening);
    return opening;
  };
  const end = (lane: InLane, why: string): void => {
    byNumber.delete(lane.number);
    if (byNumber.size === 0) returns.take();
    const current = open.get(lane.peer);
    if (current?.lane === lane) {
      open.delete(lane.peer);
      current.grant.give();
    }
    lane.end(new LaneError("lost", why));
    byPeer.get(lane.peer)?.then(
      (other) => other === lane && byPeer.delete(lane.peer),
      () => {},
    );
  };
  return { byNumber, open, laneOf, end, forget: (peer) => void byPeer.delete(peer), forgetAll: () => byPeer.clear() };
}

type Opening = { readonly window: number; make(peer: PeerId): InLane };

/** Dials what the sender offers; lets the sender dial where it offers nothing or cannot be reached. `window`: what this side takes at once. */
async function openLane(base: LaneBase, peer: PeerId, { window, make }: Opening): Promise<InLane> {
  const { thread, networkKey } = base;
  await thread.ready();
  const theirs = readOpenLane(await base.ask(peer, openLaneBody({ offer: null, window })));
  const ip = base.remoteIp(peer);
  if (theirs.offer !== null && ip !== undefined) {
    const lane = make(peer);
    lane.allow(theirs.window);
    const token = tokenOf(theirs.offer, networkKey);
    thread.post({ type: "dial", lane: lane.number, role: "receive", window, token, ip, port: theirs.offer.port });
    const dialled = await lane.open.promise.then(
      () => true,
      () => false,
    );
    if (dialled) return lane;
  }
  if (thread.port() === 0) throw new LaneError("none", "neither side can dial the other's lane port");
  const mine = makeOffer(thread.port(), base.random);
  const lane = make(peer);
  thread.post({
    type: "admit",
    lane: lane.number,
    role: "receive",
    window,
    token: tokenOf(mine, networkKey),
    lifeMs: base.limits.laneTokenMs,
  });
  lane.allow(readOpenLane(await base.ask(peer, openLaneBody({ offer: mine, window }))).window);
  await lane.open.promise;
  return lane;
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
