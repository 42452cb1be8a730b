// One lane in the worker: a TLS socket with a sender or a receiver, closed when idle, stalled or broken.
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { buffersOf, type ChunkBuffers, movable } from "./chunk-buffers.ts";
import type { FromLaneWorker, LaneRole } from "./lane-messages.ts";
import { createLaneReceiver, type LaneReceiver } from "./lane-receiver.ts";
import { createLaneSender, type LaneSender } from "./lane-sender.ts";
import type { Reader } from "./lane-tls.ts";

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
  send(transfer: number, chunks: readonly Uint8Array[]): void;
  cancel(transfer: number): void;
  expect(transfer: number, lengths: readonly number[]): void;
  forget(transfer: number): void;
  close(why: string): void;
};

export type LaneParts = {
  readonly lane: number;
  readonly role: LaneRole;
  readonly buffers: ChunkBuffers;
  readonly times: LaneTimes;
  readonly clock: Clock;
  post(message: FromLaneWorker, moved?: readonly ArrayBuffer[]): void;
  /** Called once when the lane has ended. */
  onEnd(): void;
};

/** A lane that waits for its socket; transfers handed to it wait with it. */
export function createLane(parts: LaneParts): Lane {
  const { lane, role, post } = parts;
  const waiting = new Map<number, readonly Uint8Array[]>();
  let socket: TLSSocket | undefined;
  let sender: LaneSender | undefined;
  let ended = false;
  const receiver: LaneReceiver | undefined =
    role === "send"
      ? undefined
      : createLaneReceiver(parts.buffers, {
          onTransfer: (transfer, chunks, hashes) => post({ type: "received", lane, transfer, chunks, hashes }, movable(buffersOf(chunks))),
          onRevoked: (transfer) => post({ type: "revoked", lane, transfer }),
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
  const letGo = (transfers: readonly number[]): void => post({ type: "let-go", lane, transfers });
  const watch = watchIdle(parts, () => activityOf(sender, receiver, socket), close);
  const take = (bytes: Uint8Array): boolean => {
    try {
      if (receiver === undefined) throw new RangeError("bytes on a lane that only sends");
      return receiver.take(bytes);
    } catch (error) {
      close(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
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
    if (role !== "send") return;
    sender = createLaneSender(socket, letGo);
    for (const [transfer, chunks] of waiting) sender.push(transfer, chunks);
    waiting.clear();
  };
  const send = (transfer: number, chunks: readonly Uint8Array[]): void => {
    if (sender === undefined) waiting.set(transfer, chunks);
    else sender.push(transfer, chunks);
  };
  const cancel = (transfer: number): void => {
    if (waiting.delete(transfer)) letGo([transfer]);
    else sender?.cancel(transfer);
  };
  const expect = (transfer: number, lengths: readonly number[]): void => receiver?.expect(transfer, lengths);
  const reader = { room: () => receiver?.room(), filled: (length: number) => receiver?.filled(length), take };
  return { attach, opened, reader, send, cancel, expect, forget: (transfer) => receiver?.forget(transfer), close };
}

type Activity = { readonly state: "idle" | "busy" | "stalled"; readonly moved: number };

function activityOf(sender: LaneSender | undefined, receiver: LaneReceiver | undefined, socket: TLSSocket | undefined): Activity {
  const moved = (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
  if (receiver !== undefined) return { state: receiver.state(), moved };
  return { state: sender === undefined || sender.idle() ? "idle" : "busy", moved };
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
    if (nowMs - sinceMs < (state === "idle" ? idleMs : stallMs)) return;
    close(state === "idle" ? "idle" : "nothing moved for too long");
  };
  let timer = clock.after(Math.min(idleMs, stallMs) / 4, look);
  return { cancel: () => timer.cancel() };
}
