// Requests and answers on one lane, seen from the main thread: this side's wait here for their answers, the peer's go to
// whoever serves it.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { AnnouncedTransfer, LaneAnswer, ReceivedChunks } from "./bulk.ts";
import { failureOf, LaneError } from "./failure.ts";
import { encodeFrame, type Frame, type FrameDraft, parseFrame } from "./frame.ts";
import type { LaneService } from "./lane-service.ts";
import { createLaneWindow } from "./lane-window.ts";

export type LaneExchange = {
  /** The peer takes requests of so many bytes at once, none until it has said so. Before the first request. */
  allow(bytes: number): void;
  /** Begins a request of `bytes` under `id`; undefined where the peer takes no more now. */
  begin(id: number, bytes: number): Waiting | undefined;
  /** The peer will never have the request. */
  unsent(id: number): void;
  /** A note came, with the chunks that followed it. */
  noted(note: Uint8Array, received: ReceivedChunks | undefined): void;
  /** The peer took an answer back. */
  revoked(note: Uint8Array): void;
  /** The lane has ended. */
  end(error: LaneError): void;
};

/** `answer` rejects with what the peer answered instead, or a LaneError; `broken` too, and also after the answer. `close`: nobody waits any more. */
export type Waiting = { readonly answer: Promise<LaneAnswer>; readonly broken: Promise<never>; close(): void };

export type ExchangeParts = {
  readonly peer: PeerId;
  readonly service: LaneService;
  /** Nobody waits for chunks that come by another lane. */
  discard(announced: AnnouncedTransfer): void;
  /** The peer has answered a request of this side: it has read all of it. */
  onAnswered?(id: number): void;
};

type Open = { readonly answer: PromiseWithResolvers<LaneAnswer>; readonly broken: PromiseWithResolvers<never> };

/** Nothing asked yet. */
export function createLaneExchange({ peer, service, discard, onAnswered }: ExchangeParts): LaneExchange {
  let window = createLaneWindow(0);
  const open = new Map<number, Open>();
  const fail = ({ answer, broken }: Open, error: Error): void => {
    answer.reject(error);
    broken.reject(error);
  };
  const begin = (id: number, bytes: number): Waiting | undefined => {
    if (!window.fits(bytes)) return undefined;
    window.take(id, bytes);
    const entry: Open = { answer: Promise.withResolvers(), broken: Promise.withResolvers() };
    entry.answer.promise.catch(() => {});
    entry.broken.promise.catch(() => {});
    open.set(id, entry);
    const close = (): void => void (open.get(id) === entry && open.delete(id));
    return { answer: entry.answer.promise, broken: entry.broken.promise, close };
  };
  const noted = (note: Uint8Array, received: ReceivedChunks | undefined): void => {
    const frame = frameIn(note);
    if (frame.type === "request") return service.serve(frame, received);
    window.give(frame.id);
    onAnswered?.(frame.id);
    const entry = open.get(frame.id);
    if (entry === undefined && received === undefined && frame.transfer !== 0) discard({ ...frame, peer });
    if (entry === undefined) received?.release();
    else if (frame.type === "failure") fail(entry, failureOf(frame, peer));
    else entry.answer.resolve({ frame, received });
  };
  const revoked = (note: Uint8Array): void => {
    const { id } = frameIn(note);
    window.give(id);
    const entry = open.get(id);
    if (entry !== undefined) fail(entry, new LaneError("lost", "the sender took the chunks back"));
  };
  const end = (error: LaneError): void => {
    for (const entry of open.values()) fail(entry, error);
    open.clear();
    service.close();
  };
  const allow = (bytes: number): void => {
    window = createLaneWindow(bytes);
  };
  return { allow, begin, unsent: (id) => window.give(id), noted, revoked, end };
}

/** A frame as a note: in one piece, copied. */
export function noteOf(frame: FrameDraft): Uint8Array {
  return Buffer.concat(encodeFrame(frame));
}

function frameIn(note: Uint8Array): Frame {
  return parseFrame(Buffer.from(note.buffer, note.byteOffset, note.length));
}
