// Requests and answers on one lane, in the worker: reads the notes that arrive, keeps the peer to the window that it was
// granted, and knows whether anybody waits for an answer. What the notes say is the main thread's affair.

import { parseFrame } from "./frame.ts";
import type { Announced } from "./lane-arrivals.ts";
import { createLaneWindow } from "./lane-window.ts";

export type LaneNotes = {
  /** Checks a note that arrived: the transfer that follows it on this lane, undefined for none. Throws where the peer breaks the rules. */
  arrived(note: Uint8Array): Announced | undefined;
  /** The note's transfer was taken back; whether that ends an answer, which somebody waits for. */
  revoked(note: Uint8Array): boolean;
  /** A note is being sent; `answers`: the request that it ends, undefined for a request. */
  sending(answers: number | undefined): void;
  /** A request that was being sent was taken back. */
  takenBack(): void;
  /** Whether a request waits for its answer, at either end. */
  waiting(): boolean;
};

export type LaneNotesParts = {
  /** Whether notes that arrive have their transfers behind them. */
  readonly bulk: boolean;
  /** What the peer may ask at once, bytes. */
  readonly window: number;
  /** Whether a transfer is still being sent. */
  unsent(transfer: number): boolean;
};

/** No requests yet. */
export function createLaneNotes({ bulk, window, unsent }: LaneNotesParts): LaneNotes {
  const theirs = createLaneWindow(window);
  let asked = 0;
  const takenBack = (): void => {
    asked = Math.max(0, asked - 1);
  };
  const arrived = (note: Uint8Array): Announced | undefined => {
    const { type, id, transfer, lengths } = frameOf(note);
    if (type === "hello" || (type === "request" && transfer !== 0 && !bulk)) throw new RangeError("what does not belong on a lane");
    if (type === "request") theirs.take(id, note.length + (transfer === 0 ? 0 : lengths.reduce((sum, length) => sum + length, 0)));
    else {
      // Its buffers go back to their owner with the answer.
      if (unsent(id)) throw new RangeError("an answer to a request that is still on its way");
      takenBack();
    }
    return bulk && transfer !== 0 ? { transfer, lengths } : undefined;
  };
  const revoked = (note: Uint8Array): boolean => {
    const { type, id } = frameOf(note);
    if (type !== "request") return true;
    // Answers carry this side's numbers: they make no room for the peer's requests.
    theirs.give(id);
    return false;
  };
  const sending = (answers: number | undefined): void => {
    if (answers === undefined) asked += 1;
    else theirs.give(answers);
  };
  return { arrived, revoked, sending, takenBack, waiting: () => asked > 0 || theirs.size() > 0 };
}

function frameOf(note: Uint8Array): ReturnType<typeof parseFrame> {
  return parseFrame(Buffer.from(note.buffer, note.byteOffset, note.length));
}
