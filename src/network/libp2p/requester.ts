// This side's requests to one peer over one kept stream: sends them, matches answers by id, fails them all at once when
// the stream closes. Chunks that a lane lost are asked for again, at last inside the stream itself.
import type { Connection, Stream } from "@libp2p/interface";
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError } from "../errors.ts";
import type { Delivery, Message } from "../peers.ts";
import type { Bulk, LaneRequest } from "./bulk.ts";
import { chunkBytes, type FrameSource, goesByLane, receivedMessage } from "./bulk-message.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";
import { failureFrame, failureOf, LaneError } from "./failure.ts";
import type { Frame } from "./frame.ts";
import { createFrameStream, type FrameStream } from "./frame-stream.ts";
import { helloBody, refuseHello } from "./hello.ts";
import type { RequestLimit } from "./request-limit.ts";
import type { TrafficListener } from "./traffic.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type RequesterParts = {
  readonly peer: PeerId;
  readonly networkId: Address;
  readonly bulk: Bulk;
  readonly limits: TransportLimits;
  /** Bytes in flight to all peers. */
  readonly budget: ByteBudget;
  readonly onTraffic: TrafficListener;
  /** The peer said what breaks the protocol. */
  onOffence(why: string): void;
  onClose(): void;
};

export type Requester = {
  readonly connection: Connection;
  /** Resolves when the peer has welcomed us; rejects where it refused or closed. */
  readonly welcomed: Promise<void>;
  request(code: number, message: Message, limit: RequestLimit): Promise<Delivery>;
  pending(): number;
  close(): void;
};

type Pending = { readonly answered: (frame: Frame) => void; readonly failed: (error: Error) => void };
type Asking = {
  readonly parts: RequesterParts;
  /** Request codes whose last answer had chunks for a lane: the next is asked for on the lane itself. */
  readonly bulky: Set<number>;
  readonly frames: FrameStream;
  readonly pending: Map<number, Pending>;
  readonly ownBudget: ByteBudget;
  ended: NetworkError | undefined;
  lastId: number;
};

const idMax = 0xffff_ffff;
const attemptsMax = 3;

/** Requests over a fresh outbound stream of `connection`. */
export function createRequester(stream: Stream, connection: Connection, parts: RequesterParts): Requester {
  const welcome = Promise.withResolvers<void>();
  welcome.promise.catch(() => {});
  const pending = new Map<number, Pending>();
  const end = (error: NetworkError): void => {
    if (asking.ended !== undefined) return;
    asking.ended = error;
    welcome.reject(error);
    for (const { failed } of pending.values()) failed(error);
    pending.clear();
    parts.onClose();
  };
  const onFrame = (frame: Frame): void => {
    const refusal = frame.id === 0 ? refusalIn(frame, parts) : undefined;
    if (refusal !== undefined) {
      end(new NetworkError("protocol", refusal, { peer: parts.peer }));
      return frames.close();
    }
    if (frame.id === 0) return welcome.resolve();
    const waiting = pending.get(frame.id);
    if (frame.type === "failure") waiting?.failed(failureOf(frame, parts.peer));
    else if (waiting !== undefined) waiting.answered(frame);
    else if (frame.transfer !== 0) parts.bulk.discard({ peer: parts.peer, transfer: frame.transfer, lengths: frame.lengths });
  };
  const onClose = (cause: unknown): void =>
    end(new NetworkError("closed", `the connection to ${parts.peer} closed`, { peer: parts.peer, cause }));
  const onGarbage = (why: string): void => {
    parts.onOffence(why);
    end(new NetworkError("protocol", `${parts.peer} sent what is no frame: ${why}`, { peer: parts.peer }));
    frames.close();
  };
  const frames = createFrameStream(stream, { onFrame, onClose, onGarbage });
  const asking: Asking = {
    parts,
    bulky: new Set(),
    frames,
    pending,
    ownBudget: createByteBudget(parts.limits.bytesOutMax),
    ended: undefined,
    lastId: 0,
  };
  frames.send({ id: 0, type: "hello", code: 0, transfer: 0, body: helloBody(parts.networkId), chunks: [] }).catch(onClose);
  return {
    connection,
    welcomed: welcome.promise,
    request: (code, message, limit) => request(asking, code, message, limit),
    pending: () => pending.size,
    close: () => frames.close(),
  };
}

/** Why a frame with id 0 ends the stream; undefined for a hello that is welcome. */
function refusalIn(frame: Frame, { peer, networkId }: RequesterParts): string | undefined {
  if (frame.type === "failure") return failureOf(frame, peer).message;
  return frame.type === "hello" ? refuseHello(frame.body, networkId) : "an answer to nothing";
}

async function request(asking: Asking, code: number, message: Message, limit: RequestLimit): Promise<Delivery> {
  const { parts, pending, ownBudget } = asking;
  if (pending.size >= parts.limits.pendingMax)
    throw new NetworkError("busy", `too many requests wait for ${parts.peer}`, { peer: parts.peer });
  const bytes = message.body.length + chunkBytes(message);
  const giveOwn = await ownBudget.take(bytes, limit.signal);
  try {
    const giveAll = await parts.budget.take(bytes, limit.signal);
    try {
      return await attempts(asking, code, message, limit);
    } finally {
      giveAll();
    }
  } finally {
    giveOwn();
  }
}

async function attempts(asking: Asking, code: number, message: Message, limit: RequestLimit): Promise<Delivery> {
  const { peer, bulk } = asking.parts;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(asking, code, message, { limit, inline: attempt === attemptsMax });
    } catch (error) {
      if (!(error instanceof LaneError)) throw error;
      if (error.code === "none") bulk.avoid(peer);
      if (attempt === attemptsMax) throw new NetworkError("closed", `the chunks were lost: ${error.message}`, { peer, cause: error });
    }
  }
}

type How = { readonly limit: RequestLimit; readonly inline: boolean };

async function once(asking: Asking, code: number, message: Message, how: How): Promise<Delivery> {
  how.limit.signal.throwIfAborted();
  if (asking.ended !== undefined) throw asking.ended;
  const byLane = !how.inline && (goesByLane(message) || asking.bulky.has(code));
  const request = byLane ? asking.parts.bulk.request(asking.parts.peer, code, message) : undefined;
  const delivery = await (request === undefined ? onStream(asking, code, message, how) : onLane(request, asking.parts, how.limit));
  if (goesByLane(delivery)) asking.bulky.add(code);
  else asking.bulky.delete(code);
  return delivery;
}

async function onLane(request: LaneRequest, parts: RequesterParts, limit: RequestLimit): Promise<Delivery> {
  let taken = false;
  try {
    const { frame, received } = await Promise.race([request.answer, limit.passed]);
    taken = true;
    const source = { ...parts, path: "lane" } as const;
    if (frame.transfer === 0 || received !== undefined) return await receivedMessage(frame, received, source, limit.signal);
    return await receivedUnless(request.broken, frame, source, limit);
  } finally {
    // An answer that came too late is not forgotten: its buffers are used again.
    if (!taken)
      request.answer.then(
        ({ received }) => received?.release(),
        () => {},
      );
    await request.end();
  }
}

async function onStream(asking: Asking, code: number, message: Message, how: How): Promise<Delivery> {
  const { parts, frames, pending } = asking;
  const { limit } = how;
  asking.lastId = asking.lastId === idMax ? 1 : asking.lastId + 1;
  const id = asking.lastId;
  const inline = how.inline || !parts.bulk.reaches(parts.peer);
  const outgoing = goesByLane(message) && !inline ? parts.bulk.send(parts.peer, message.chunks) : undefined;
  const answer = Promise.withResolvers<Frame>();
  // Told of by the lane, or by the peer: also after its answer, where the lane died that had the answer's chunks.
  const broken = Promise.withResolvers<never>();
  const failed = (error: Error): void => {
    answer.reject(error);
    broken.reject(error);
  };
  broken.promise.catch(() => {});
  limit.passed.catch(answer.reject);
  outgoing?.done.catch((error: Error) => {
    frames.send(failureFrame(id, "lane-lost", "the chunks of this request were lost")).catch(() => {});
    failed(error);
  });
  try {
    pending.set(id, { answered: answer.resolve, failed });
    frames.send({ ...message, id, type: "request", inline, code, transfer: outgoing?.transfer ?? 0 }, limit.signal).catch(answer.reject);
    parts.onTraffic({
      kind: "bytes",
      path: "control",
      direction: "out",
      bytes: message.body.length + (outgoing === undefined ? chunkBytes(message) : 0),
    });
    const frame = await answer.promise;
    const source = { ...parts, path: "control" } as const;
    if (frame.transfer === 0) return await receivedMessage(frame, undefined, source, limit.signal);
    return await receivedUnless(broken.promise, frame, source, limit);
  } finally {
    pending.delete(id);
    // The caller's buffers are his again only when the lane has let go of them.
    outgoing?.cancel();
    await outgoing?.done.catch(() => {});
  }
}

/** The answer's chunks from the lane, unless `broken` rejects first: then nobody waits for them any more. */
async function receivedUnless(
  broken: Promise<never>,
  frame: Frame,
  source: FrameSource,
  { signal, passed }: RequestLimit,
): Promise<Delivery> {
  const over = new AbortController();
  const stop = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([receivedMessage(frame, undefined, source, over.signal), broken, passed]);
  } catch (error) {
    over.abort(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
