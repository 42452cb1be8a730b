// One lane on which this side sends, seen from the main thread. The receiver opens it: transfers wait here until it has, and
// are lost with it. Once open it carries requests and answers too.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Message } from "../peers.ts";
import type { LaneRequest, OutgoingTransfer, ReceivedChunks } from "./bulk.ts";
import { chunkBytes } from "./bulk-message.ts";
import type { LaneError } from "./failure.ts";
import type { FrameDraft } from "./frame.ts";
import type { LaneBase } from "./lane-base.ts";
import { createLaneExchange, noteOf } from "./lane-exchange.ts";
import type { LaneThread } from "./worker-thread.ts";

export type OutLane = {
  readonly peer: PeerId;
  /** The worker's name of it; undefined until the receiver has asked for the lane. */
  number(): number | undefined;
  /** The receiver is opening it, and takes requests of `window` bytes at once. */
  open(number: number, window: number): void;
  send(chunks: readonly Uint8Array[]): OutgoingTransfer;
  /** Sends a request with its chunks; undefined where the lane is not open or the peer takes no more now. */
  request(code: number, message: Message): LaneRequest | undefined;
  letGo(released: readonly number[], unsent: boolean): void;
  noted(note: Uint8Array, received: ReceivedChunks | undefined): void;
  end(error: LaneError): void;
};

/** `note`: what goes before the chunks; `answers`: the peer's request that it ends. */
type Sending = { readonly chunks: readonly Uint8Array[]; readonly note?: Uint8Array; readonly answers?: number };
type Transfer = Sending & { readonly done: PromiseWithResolvers<void> };

/** A lane that nobody has asked for yet; `nextTransfer` numbers all transfers of this process. */
export function createOutLane(base: LaneBase, peer: PeerId, nextTransfer: () => number): OutLane {
  const { thread } = base;
  const transfers = new Map<number, Transfer>();
  let number: number | undefined;
  const settle = (transfer: number): void => {
    transfers.get(transfer)?.done.resolve();
    transfers.delete(transfer);
  };
  const begin = (transfer: number, sending: Sending): OutgoingTransfer => {
    const entry: Transfer = { ...sending, done: Promise.withResolvers<void>() };
    entry.done.promise.catch(() => {});
    transfers.set(transfer, entry);
    if (number !== undefined) post(thread, { lane: number, transfer }, entry);
    const cancel = (): void => {
      if (!transfers.has(transfer)) return;
      if (number === undefined) settle(transfer);
      else thread.post({ type: "cancel", lane: number, transfer });
    };
    return { transfer, done: entry.done.promise, cancel };
  };
  const answer = async (frame: FrameDraft): Promise<void> => {
    if (number !== undefined) thread.post({ type: "send", lane: number, transfer: 0, chunks: [], note: noteOf(frame), answers: frame.id });
  };
  const answerWithChunks = (frame: FrameDraft): OutgoingTransfer => {
    const transfer = nextTransfer();
    return begin(transfer, { chunks: frame.chunks, note: noteOf({ ...frame, transfer }), answers: frame.id });
  };
  const service = base.serve(peer, { path: "lane", send: answer, sendBulk: answerWithChunks });
  const exchange = createLaneExchange({ peer, service, discard: base.discard, onAnswered: settle });
  const request = (code: number, message: Message): LaneRequest | undefined => {
    if (number === undefined) return undefined;
    const transfer = nextTransfer();
    const note = noteOf({ ...message, id: transfer, type: "request", code, transfer });
    const asked = exchange.begin(transfer, note.length + chunkBytes(message));
    if (asked === undefined) return undefined;
    const sending = begin(transfer, { chunks: message.chunks, note });
    const end = async (): Promise<void> => {
      asked.close();
      sending.cancel();
      await sending.done.catch(() => {});
    };
    return { answer: asked.answer, broken: asked.broken, end };
  };
  const open = (given: number, window: number): void => {
    number = given;
    exchange.allow(window);
    for (const [transfer, entry] of transfers) post(thread, { lane: given, transfer }, entry);
  };
  const letGo = (released: readonly number[], unsent: boolean): void => {
    for (const transfer of released) settle(transfer);
    if (unsent) for (const transfer of released) exchange.unsent(transfer);
  };
  const end = (error: LaneError): void => {
    for (const { done } of transfers.values()) done.reject(error);
    transfers.clear();
    exchange.end(error);
  };
  return {
    peer,
    number: () => number,
    open,
    send: (chunks) => begin(nextTransfer(), { chunks }),
    request,
    letGo,
    noted: exchange.noted,
    end,
  };
}

function post(
  thread: LaneThread,
  where: { readonly lane: number; readonly transfer: number },
  { chunks: all, note, answers }: Sending,
): void {
  const { chunks, moved } = postable(all);
  thread.post({ type: "send", ...where, chunks, ...(note === undefined ? {} : { note, answers }) }, moved);
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
