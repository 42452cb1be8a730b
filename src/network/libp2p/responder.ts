// A peer's requests on a stream that it opened: greets, and serves each. Reading stops while too much of this peer is being
// worked on or it asks too fast, so that a stranger cannot fill the memory.
import type { Stream } from "@libp2p/interface";
import type { Address } from "../../protocol/address.ts";
import type { Delivery } from "../peers.ts";
import { type AnsweringParts, serve, type Work } from "./answering.ts";
import { receivedMessage } from "./bulk-message.ts";
import { failureFrame, LaneError } from "./failure.ts";
import type { Frame } from "./frame.ts";
import { createFrameStream, type FrameStream } from "./frame-stream.ts";
import { helloBody, refuseHello } from "./hello.ts";
import type { StreamBudgets } from "./stream-budgets.ts";
import { createThrottle } from "./throttle.ts";

export type ResponderParts = AnsweringParts & {
  readonly networkId: Address;
  readonly streamBudgets: StreamBudgets;
  onWelcome(): void;
  /** The peer broke the protocol: it is told so and counted. */
  onOffence(why: string): void;
};

/** Ends the wait for a request's chunks, whose lane died at the asker's end. */
type Receiving = Map<number, AbortController>;

const helloId = 0;

/** Answers requests on a fresh inbound stream until it closes. */
export function createResponder(stream: Stream, parts: ResponderParts): { close(): void } {
  const closing = new AbortController();
  const receiving: Receiving = new Map();
  const inWork = new Set<number>();
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
    if (frame.type === "failure") return receiving.get(frame.id)?.abort(new LaneError("lost", "the asker says so"));
    if (frame.type !== "request" || frame.id === helloId) return offend("only requests belong on this stream");
    // The second would take the first one's place where its chunks are waited for: nothing could end that wait, and what it holds, any more.
    if (inWork.has(frame.id)) return offend("two requests under one number");
    inWork.add(frame.id);
    void serve({ frame, here: 0, take: () => received(frame, receiving, work) }, work).finally(() => inWork.delete(frame.id));
  };
  const onClose = (): void => {
    const gone = new Error("the asker is gone");
    closing.abort(gone);
    for (const waiting of receiving.values()) waiting.abort(gone);
    throttle.stop();
    own.close();
  };
  const stall = { clock: parts.clock, afterMs: parts.limits.laneStallMs };
  const frames: FrameStream = createFrameStream(stream, { stall, onFrame, onGarbage: offend, onClose });
  const own = parts.streamBudgets.open(parts.peer);
  const throttle = createThrottle(parts.clock, parts.limits, { hold: (held) => frames.hold(held), bytesMax: own.part });
  const way = { path: "control", send: (frame: Parameters<FrameStream["send"]>[0]) => frames.send(frame) } as const;
  const work: Work = { parts, way, throttle, budget: own.budget, signal: closing.signal };
  return { close: () => frames.close() };
}

async function received(frame: Frame, receiving: Receiving, { parts, signal }: Work): Promise<Delivery> {
  const source = { ...parts, path: "control" } as const;
  if (frame.transfer === 0) return receivedMessage(frame, undefined, source, signal);
  const own = new AbortController();
  receiving.set(frame.id, own);
  try {
    signal.throwIfAborted();
    return await receivedMessage(frame, undefined, source, own.signal);
  } finally {
    if (receiving.get(frame.id) === own) receiving.delete(frame.id);
  }
}
