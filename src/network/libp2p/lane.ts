// One lane in the worker: a TLS socket with a sender and a receiver, bulk in one direction and notes in both, closed when
// idle, stalled or broken.
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { buffersOf, type ChunkBuffers, movable } from "./chunk-buffers.ts";
import { noteBytesMax } from "./lane-format.ts";
import type { FromLaneWorker, LaneRole } from "./lane-messages.ts";
import { createLaneNotes, type LaneNotes } from "./lane-notes.ts";
import { createLaneReceiver, type LaneReceiver } from "./lane-receiver.ts";
import { createLaneSender, type LaneSender, type Sending } from "./lane-sender.ts";
import type { Reader } from "./lane-tls.ts";
import { requestsMax } from "./lane-window.ts";

export type LaneTimes = {
  /** A lane on which nothing is under way is closed after this. */
  readonly idleMs: number;
  /** Bytes that nobody asked for, or a reader that reads nothing, end the lane after this. */
  readonly stallMs: number;
};

export type Lane = {
  /** Gives the lane its socket, whose handshake is complete or under way. */
  attach(socket: TLSSocket): void;
  opened(): void;
  readonly reader: Reader;
  /** `answers`: the request that the note ends, undefined where it is one itself. */
  send(sending: Sending, answers: number | undefined): void;
  cancel(transfer: number): void;
  expect(transfer: number, lengths: readonly number[]): void;
  forget(transfer: number): void;
  close(why: string): void;
};

export type LaneParts = {
  readonly lane: number;
  readonly role: LaneRole;
  /** What the peer may ask at once on this lane, bytes. */
  readonly window: number;
  readonly buffers: ChunkBuffers;
  readonly times: LaneTimes;
  readonly clock: Clock;
  post(message: FromLaneWorker, moved?: readonly ArrayBuffer[]): void;
  /** Called once when the lane has ended. */
  onEnd(): void;
};

// A peer that keeps its window waits for no more answers than it may ask for. One that breaks it is not noticed by the window, which
// an answer makes room in before it is read. Twice that, for this side's own requests.
const unreadMax = 2 * requestsMax * noteBytesMax;

/** A lane that waits for its socket; what is to be sent waits with it. */
export function createLane(parts: LaneParts): Lane {
  const { lane, role, post } = parts;
  let waiting: Sending[] = [];
  let socket: TLSSocket | undefined;
  let sender: LaneSender | undefined;
  let ended = false;
  const notes = createLaneNotes({ bulk: role === "receive", window: parts.window, unsent: (transfer) => sender?.has(transfer) ?? false });
  const receiver = createLaneReceiver(parts.buffers, {
    bulk: role === "receive",
    onNote: (note) => {
      const follows = notes.arrived(note);
      if (follows === undefined) post({ type: "noted", lane, note, chunks: [], hashes: [] });
      return follows;
    },
    onTransfer: ({ transfer, note, chunks, hashes }) =>
      post(
        note === undefined ? { type: "received", lane, transfer, chunks, hashes } : { type: "noted", lane, note, chunks, hashes },
        movable(buffersOf(chunks)),
      ),
    onRevoked: ({ transfer, note }) => {
      // A request that was taken back was never told of.
      if (note === undefined || notes.revoked(note)) post({ type: "revoked", lane, transfer, note });
    },
    onRoom: () => socket?.resume(),
  });
  const close = (why: string): void => {
    if (ended) return;
    ended = true;
    watch.cancel();
    socket?.destroy();
    post({ type: "closed", lane, why });
    parts.onEnd();
  };
  const letGo = (transfers: readonly number[], unsent: boolean): void => {
    if (unsent) notes.takenBack();
    post({ type: "let-go", lane, transfers, unsent });
  };
  const watch = watchIdle(parts, () => activityOf(sender, receiver, notes, socket), close);
  const attach = (given: TLSSocket): void => {
    socket = given;
    given.setNoDelay(true);
    given.on("error", (error) => close(error.message));
    given.once("close", () => close("the lane closed"));
    if (ended) given.destroy();
  };
  const opened = (): void => {
    if (ended || socket === undefined) return;
    post({ type: "opened", lane });
    sender = createLaneSender(socket, letGo);
    for (const sending of waiting) sender.push(sending);
    waiting = [];
  };
  const send = (sending: Sending, answers: number | undefined): void => {
    if (sending.note !== undefined) notes.sending(answers);
    if (sender === undefined) return void waiting.push(sending);
    sender.push(sending);
    if (sender.noteBytes() > unreadMax) close("the peer asks on and reads none of its answers");
  };
  const cancel = (transfer: number): void => {
    if (sender !== undefined) return sender.cancel(transfer);
    const unseen = waiting.some((sending) => sending.transfer === transfer && sending.note !== undefined);
    waiting = waiting.filter((sending) => sending.transfer !== transfer);
    letGo([transfer], unseen);
  };
  const guarded: Guard = (read) => {
    try {
      return read();
    } catch (error) {
      close(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  // What came before it was announced is read here: it must cost its sender this lane, not all others theirs.
  const expect = (transfer: number, lengths: readonly number[]): void =>
    void guarded(() => {
      receiver.expect(transfer, lengths);
      return true;
    });
  return { attach, opened, reader: closingReader(receiver, guarded), send, cancel, expect, forget: receiver.forget, close };
}

/** Reads; what breaks the format, and its rules, closes the lane. False then. */
type Guard = (read: () => boolean) => boolean;

/** The receiver, guarded. */
function closingReader(receiver: LaneReceiver, guarded: Guard): Reader {
  return {
    room: () => receiver.room(),
    filled: (length) =>
      void guarded(() => {
        receiver.filled(length);
        return true;
      }),
    take: (bytes) => guarded(() => receiver.take(bytes)),
  };
}

/** "waiting": a request waits for its answer, however long that takes. */
type Activity = { readonly state: "idle" | "busy" | "stalled" | "waiting"; readonly moved: number };

function activityOf(sender: LaneSender | undefined, receiver: LaneReceiver, notes: LaneNotes, socket: TLSSocket | undefined): Activity {
  const moved = (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
  const reading = receiver.state();
  if (reading !== "idle") return { state: reading, moved };
  if (sender !== undefined && !sender.idle()) return { state: "busy", moved };
  return { state: notes.waiting() ? "waiting" : "idle", moved };
}

/** Looks a few times in `idleMs` whether the lane still serves; it does as long as bytes move. */
function watchIdle({ times, clock }: LaneParts, activity: () => Activity, close: (why: string) => void): Timer {
  const { idleMs, stallMs } = times;
  let seen = activity().moved;
  let sinceMs = clock.monotonicMs();
  const look = (): void => {
    timer = clock.after(Math.min(idleMs, stallMs) / 4, look);
    const { state, moved } = activity();
    const nowMs = clock.monotonicMs();
    if (moved !== seen) sinceMs = nowMs;
    seen = moved;
    if (state === "waiting") return;
    if (nowMs - sinceMs < (state === "idle" ? idleMs : stallMs)) return;
    close(state === "idle" ? "idle" : "nothing moved for too long");
  };
  let timer = clock.after(Math.min(idleMs, stallMs) / 4, look);
  return { cancel: () => timer.cancel() };
}
