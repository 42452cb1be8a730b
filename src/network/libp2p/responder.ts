// A peer's requests on a stream that it opened: greets, hands each request to its handler, answers. Reading stops while
// too much of this peer is being worked on or it asks too fast, so that a stranger cannot fill the memory.
import type { Stream } from "@libp2p/interface";
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Answer, Delivery, Handler } from "../peers.ts";
import type { Bulk } from "./bulk.ts";
import { chunkBytes, goesByLane, receivedMessage, sizeExcess } from "./bulk-message.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";
import { type FailureCode, failureFrame, LaneError } from "./failure.ts";
import type { Frame } from "./frame.ts";
import { createFrameStream, type FrameStream } from "./frame-stream.ts";
import { helloBody, refuseHello } from "./hello.ts";
import { createThrottle, type Throttle } from "./throttle.ts";
import type { TrafficListener } from "./traffic.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type ResponderParts = {
  readonly peer: PeerId;
  readonly networkId: Address;
  readonly bulk: Bulk;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  /** Bytes in work for all peers. */
  readonly budget: ByteBudget;
  readonly onTraffic: TrafficListener;
  /** The handler of a request code, or undefined where there is none. */
  handlerOf(code: number): Handler | undefined;
  onWelcome(): void;
  /** The peer broke the protocol: it is told so and counted. */
  onOffence(why: string): void;
  onClose(): void;
};

type Work = {
  readonly parts: ResponderParts;
  readonly frames: FrameStream;
  readonly throttle: Throttle;
  /** Bytes in work for this peer: what was read before the reading stopped waits for it. */
  readonly budget: ByteBudget;
  /** Ends the wait for a request's chunks, whose lane died at the asker's end. */
  readonly receiving: Map<number, AbortController>;
  readonly signal: AbortSignal;
};

const helloId = 0;

/** Answers requests on a fresh inbound stream until it closes. */
export function createResponder(stream: Stream, parts: ResponderParts): { close(): void } {
  const closing = new AbortController();
  let greeted = false;
  const offend = (why: string): void => {
    frames.finish(failureFrame(helloId, "protocol", why));
    parts.onOffence(why);
  };
  const greet = (frame: Frame): void => {
    const refusal = frame.type === "hello" ? refuseHello(frame.body, parts.networkId) : "the first frame is not a hello";
    if (refusal !== undefined) return offend(refusal);
    greeted = true;
    frames.send({ id: helloId, type: "hello", code: 0, transfer: 0, body: helloBody(parts.networkId), chunks: [] }).catch(() => {});
    parts.onWelcome();
  };
  const onFrame = (frame: Frame): void => {
    if (!greeted) return greet(frame);
    if (frame.type === "failure") return work.receiving.get(frame.id)?.abort(new LaneError("lost", "the asker says so"));
    if (frame.type !== "request" || frame.id === helloId) return offend("only requests belong on this stream");
    void serve(frame, work);
  };
  const onClose = (): void => {
    const gone = new Error("the asker is gone");
    closing.abort(gone);
    for (const waiting of work.receiving.values()) waiting.abort(gone);
    throttle.stop();
    parts.onClose();
  };
  const frames: FrameStream = createFrameStream(stream, { onFrame, onGarbage: offend, onClose });
  const throttle = createThrottle(parts.clock, parts.limits, (held) => frames.hold(held));
  const budget = createByteBudget(parts.limits.bytesInWorkMax);
  const work: Work = { parts, frames, throttle, budget, receiving: new Map(), signal: closing.signal };
  return { close: () => frames.close() };
}

async function serve(frame: Frame, work: Work): Promise<void> {
  const { parts, throttle, budget, signal } = work;
  const { bytesInWorkMax, requestsInWorkMax } = parts.limits;
  const bytes = frame.body.length + frame.lengths.reduce((sum, length) => sum + length, 0);
  const ends = [throttle.began(bytes)];
  try {
    // Even the smallest request weighs its share, so that the budget bounds their number too.
    ends.push(await budget.take(Math.max(bytes, bytesInWorkMax / requestsInWorkMax), signal));
    ends.push(await parts.budget.take(bytes, signal));
    await answer(frame, work);
  } catch (cause) {
    // The asker is gone, or the stream closed while answering: it sees that for itself.
    parts.log.debug("a request ended without an answer", { peer: parts.peer, cause });
  } finally {
    for (const end of ends) end();
  }
}

async function answer(frame: Frame, work: Work): Promise<void> {
  const { parts, frames, signal } = work;
  const fail = (code: FailureCode, reason: string): Promise<void> => frames.send(failureFrame(frame.id, code, reason));
  const handler = parts.handlerOf(frame.code);
  if (handler === undefined) return fail("refused", "no handler for this kind of request");
  let made: Answer;
  try {
    const delivery = await received(frame, work);
    made = await handler(parts.peer, delivery, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof LaneError) return fail(cause.code === "none" ? "lane-none" : "lane-lost", cause.message);
    parts.log.debug("a handler failed", { peer: parts.peer, code: frame.code, cause });
    return fail("refused", "the handler did not answer");
  }
  const excess = sizeExcess(made);
  if (excess === undefined) return sendAnswer(frame, made, work);
  made.release?.();
  parts.log.error("a handler made an answer over the limits", { kind: frame.code, excess });
  return fail("too-large", excess);
}

async function received(frame: Frame, { parts, receiving, signal }: Work): Promise<Delivery> {
  if (frame.transfer === 0) return receivedMessage(frame, parts, signal);
  const own = new AbortController();
  receiving.set(frame.id, own);
  try {
    signal.throwIfAborted();
    return await receivedMessage(frame, parts, own.signal);
  } finally {
    if (receiving.get(frame.id) === own) receiving.delete(frame.id);
  }
}

async function sendAnswer(frame: Frame, made: Answer, { parts, frames, throttle, budget, signal }: Work): Promise<void> {
  const bytes = chunkBytes(made);
  const givers = [throttle.charge(bytes), budget.charge(bytes), parts.budget.charge(bytes), () => made.release?.()];
  const outgoing = goesByLane(made) && !frame.inline ? parts.bulk.send(parts.peer, made.chunks) : undefined;
  const cancel = (): void => outgoing?.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) cancel();
    parts.onTraffic({ kind: "bytes", path: "control", direction: "out", bytes: made.body.length + (outgoing === undefined ? bytes : 0) });
    await frames.send({ id: frame.id, type: "answer", code: 0, transfer: outgoing?.transfer ?? 0, body: made.body, chunks: made.chunks });
    // The asker may wait on a newer lane for what an older one lost: it is told, and asks again.
    await outgoing?.done.catch((error: unknown) => {
      const code = error instanceof LaneError && error.code === "none" ? "lane-none" : "lane-lost";
      return signal.aborted ? undefined : frames.send(failureFrame(frame.id, code, "the chunks of this answer were lost"));
    });
  } finally {
    cancel();
    signal.removeEventListener("abort", cancel);
    for (const give of givers) give();
  }
}
