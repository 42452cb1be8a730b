// One lane on which this side receives, seen from the main thread: transfers that were announced elsewhere, and requests
// and answers on the lane itself.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Message } from "../peers.ts";
import type { AnnouncedTransfer, LaneRequest, ReceivedChunks } from "./bulk.ts";
import { buffersOf } from "./chunk-buffers.ts";
import type { ChunkReturns } from "./chunk-returns.ts";
import { LaneError } from "./failure.ts";
import type { FrameDraft } from "./frame.ts";
import type { LaneBase } from "./lane-base.ts";
import { createLaneExchange, noteOf } from "./lane-exchange.ts";
import type { FromLaneWorker } from "./lane-messages.ts";

/** What the worker says that arrived. */
export type Arrival = Extract<FromLaneWorker, { readonly type: "received" | "noted" | "revoked" }>;

export type InLane = {
  readonly peer: PeerId;
  readonly number: number;
  readonly open: PromiseWithResolvers<void>;
  /** The peer takes requests of so many bytes at once. */
  allow(window: number): void;
  /** Waits for a transfer that a frame elsewhere announced. Rejects with a LaneError, or the signal's reason. */
  receive(announced: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks>;
  discard(announced: AnnouncedTransfer): void;
  /** Asks the peer, who can answer with chunks; undefined where it takes no more now. */
  request(code: number, message: Message): LaneRequest | undefined;
  onMessage(message: Arrival): void;
  end(error: LaneError): void;
};

const idMax = 0xffff_ffff;

/** A lane that is being opened. */
export function createInLane(base: LaneBase, peer: PeerId, returns: ChunkReturns): InLane {
  const { thread } = base;
  const number = base.nextLane();
  const open = Promise.withResolvers<void>();
  open.promise.catch(() => {});
  const waiting = new Map<number, PromiseWithResolvers<ReceivedChunks>>();
  let lastId = 0;
  const post = (note: Uint8Array, answers: number | undefined): void =>
    thread.post({ type: "send", lane: number, transfer: 0, chunks: [], note, answers, buffers: returns.take() });
  const answer = async (frame: FrameDraft): Promise<void> => post(noteOf(frame), frame.id);
  const service = base.serve(peer, { path: "lane", send: answer });
  const exchange = createLaneExchange({ peer, service, discard: base.discard });

  const receive = async ({ transfer, lengths }: AnnouncedTransfer, signal: AbortSignal): Promise<ReceivedChunks> => {
    // Its place would be taken from the first, who would be told of nothing any more.
    if (waiting.has(transfer)) throw new LaneError("lost", "announced twice");
    const arrival = Promise.withResolvers<ReceivedChunks>();
    const stop = (): void => arrival.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    waiting.set(transfer, arrival);
    thread.post({ type: "expect", lane: number, transfer, lengths, buffers: returns.take() });
    try {
      return await arrival.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      if (waiting.delete(transfer)) thread.post({ type: "forget", lane: number, transfer });
    }
  };
  const discard = ({ transfer, lengths }: AnnouncedTransfer): void => {
    thread.post({ type: "expect", lane: number, transfer, lengths, buffers: [] });
    thread.post({ type: "forget", lane: number, transfer });
  };
  const request = (code: number, message: Message): LaneRequest | undefined => {
    const id = lastId === idMax ? 1 : lastId + 1;
    const note = noteOf({ ...message, id, type: "request", code, transfer: 0 });
    const asked = exchange.begin(id, note.length);
    if (asked === undefined) return undefined;
    lastId = id;
    post(note, undefined);
    return { answer: asked.answer, broken: asked.broken, end: async () => asked.close() };
  };
  const receivedOf = ({ chunks, hashes }: Pick<ReceivedChunks, "chunks" | "hashes">): ReceivedChunks => ({
    ...{ chunks, hashes },
    release: once(() => returns.give(buffersOf(chunks))),
  });
  const onMessage = (message: Arrival): void => {
    if (message.type === "noted") return exchange.noted(message.note, message.chunks.length === 0 ? undefined : receivedOf(message));
    if (message.type === "revoked" && message.note !== undefined) return exchange.revoked(message.note);
    const arrival = waiting.get(message.transfer);
    waiting.delete(message.transfer);
    if (message.type === "revoked") return arrival?.reject(new LaneError("lost", "the sender took the chunks back"));
    const received = receivedOf(message);
    if (arrival === undefined) received.release();
    else arrival.resolve(received);
  };
  const end = (error: LaneError): void => {
    open.reject(error);
    for (const arrival of waiting.values()) arrival.reject(error);
    waiting.clear();
    exchange.end(error);
  };
  return { peer, number, open, allow: exchange.allow, receive, discard, request, onMessage, end };
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
