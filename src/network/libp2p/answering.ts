// A peer's request from its frame to its answer: waits for room in the work that peers may cause, takes its chunks, hands
// it to its handler, and sends what that made, over whichever way the request came.

import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { codeOfThrown } from "../errors.ts";
import type { Answer, Delivery, Handler } from "../peers.ts";
import type { Bulk, OutgoingTransfer } from "./bulk.ts";
import { chunkBytes, goesByLane, sizeExcess } from "./bulk-message.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type FailureCode, failureFrame, LaneError } from "./failure.ts";
import type { Frame, FrameDraft } from "./frame.ts";
import type { Throttle } from "./throttle.ts";
import type { TrafficListener } from "./traffic.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type AnsweringParts = {
  readonly peer: PeerId;
  readonly bulk: Bulk;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  /** Bytes in work for all peers. */
  readonly budget: ByteBudget;
  readonly onTraffic: TrafficListener;
  /** The handler of a request code, or undefined where there is none. */
  handlerOf(code: number): Handler | undefined;
};

/** How answers go back. */
export type Way = {
  readonly path: "control" | "lane";
  send(frame: FrameDraft): Promise<void>;
  /** Sends a frame and its chunks behind it; absent where chunks go by a lane of their own. */
  sendBulk?(frame: FrameDraft): OutgoingTransfer;
};

export type Work = {
  readonly parts: AnsweringParts;
  readonly way: Way;
  readonly throttle: Throttle;
  /** Bytes in work for this peer on this way: what was read before the reading stopped waits for it. */
  readonly budget: ByteBudget;
  /** Ends when nobody waits for answers any more. */
  readonly signal: AbortSignal;
};

/** A request: `take` waits for its chunks, and rejects with a LaneError or the work's reason; `here`: bytes of it that are in memory already. */
export type Asked = { readonly frame: Frame; readonly here: number; take(): Promise<Delivery> };

/** Serves a request from its frame to its answer. Never rejects. */
export async function serve(asked: Asked, work: Work): Promise<void> {
  const { parts, throttle, budget, signal } = work;
  const { bytesInWorkMax, requestsInWorkMax } = parts.limits;
  const bytes = frameBytes(asked.frame) - asked.here;
  const ends = [throttle.began(bytes + asked.here), budget.charge(asked.here), parts.budget.charge(asked.here)];
  try {
    // Even the smallest request weighs its share, so that the budget bounds their number too. Who has sent his bytes already is not made to wait.
    if (asked.here === 0) ends.push(await budget.take(Math.max(bytes, bytesInWorkMax / requestsInWorkMax), signal));
    // What came in its frame is in memory either way: it does not wait for what other peers have in work.
    if (asked.here === 0) ends.push(asked.frame.transfer === 0 ? parts.budget.charge(bytes) : await parts.budget.take(bytes, signal));
    await answer(asked, work);
  } catch (cause) {
    // The asker is gone, or the stream closed while answering: it sees that for itself.
    parts.log.debug("a request ended without an answer", { peer: parts.peer, cause });
  } finally {
    for (const end of ends) end();
  }
}

async function answer(asked: Asked, work: Work): Promise<void> {
  const { frame } = asked;
  const { parts, way, signal } = work;
  const fail = (code: FailureCode, reason: string): Promise<void> => way.send(failureFrame(frame.id, code, reason));
  const handler = parts.handlerOf(frame.code);
  if (handler === undefined) return fail("refused", "no handler for this kind of request");
  let made: Answer;
  try {
    const delivery = await asked.take();
    made = await handler(parts.peer, delivery, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof LaneError) return fail(cause.code === "none" ? "lane-none" : "lane-lost", cause.message);
    parts.log.debug("a handler failed", { peer: parts.peer, code: frame.code, cause });
    return fail(codeOfThrown(cause), "the handler did not answer");
  }
  const excess = sizeExcess(made);
  if (excess === undefined) return sendAnswer(frame, made, work);
  made.release?.();
  parts.log.error("a handler made an answer over the limits", { kind: frame.code, excess });
  return fail("too-large", excess);
}

async function sendAnswer(frame: Frame, made: Answer, work: Work): Promise<void> {
  const { parts, way, throttle, budget } = work;
  const bytes = chunkBytes(made);
  const givers = [throttle.charge(bytes), budget.charge(bytes), parts.budget.charge(bytes), () => made.release?.()];
  const draft: FrameDraft = { id: frame.id, type: "answer", code: 0, transfer: 0, body: made.body, chunks: made.chunks };
  const byLane = goesByLane(made) && !frame.inline;
  const behind = byLane ? way.sendBulk?.(draft) : undefined;
  const outgoing = behind ?? (byLane ? parts.bulk.send(parts.peer, made.chunks) : undefined);
  try {
    parts.onTraffic({ kind: "bytes", path: way.path, direction: "out", bytes: made.body.length + (outgoing === behind ? bytes : 0) });
    if (outgoing === undefined) return await way.send(draft);
    if (behind === undefined) await way.send({ ...draft, transfer: outgoing.transfer });
    await sent(outgoing, frame, work);
  } finally {
    outgoing?.cancel();
    for (const give of givers) give();
  }
}

/** An answer's chunks are on their way. The asker may wait on a newer lane for what an older one lost: it is told, and asks again. */
async function sent(outgoing: OutgoingTransfer, { id }: Frame, { way, signal }: Work): Promise<void> {
  const cancel = (): void => outgoing.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    await outgoing.done;
  } catch (error) {
    const code = error instanceof LaneError && error.code === "none" ? "lane-none" : "lane-lost";
    if (!signal.aborted) await way.send(failureFrame(id, code, "the chunks of this answer were lost"));
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Bytes of a frame's body and chunks, wherever these are. */
export function frameBytes(frame: Frame): number {
  return frame.body.length + frame.lengths.reduce((sum, length) => sum + length, 0);
}
