// Frames over a libp2p stream with memory bounded on both sides: at most `unsentMax` bytes wait to be sent, and reading
// pauses while the owner is behind. The recipe is measured: libp2p's own back-pressure does not bound memory by itself.
import type { Stream } from "@libp2p/interface";
import type { Clock } from "../../runtime/clock.ts";
import { NetworkError } from "../errors.ts";
import { createFrameDecoder, encodeFrame, type Frame, type FrameDraft } from "./frame.ts";

export type FrameStream = {
  /**
   * Sends frames one after another; resolves when no more than `unsentMax` bytes wait. Rejects with code `closed`. Small frames
   * are copied at once. A large one whose `signal` aborts before its turn is left out.
   */
  send(frame: FrameDraft, signal?: AbortSignal): Promise<void>;
  /** Stops or lets go on the reading. */
  hold(held: boolean): void;
  /** Sends a last frame and closes; whatever else comes is ignored. */
  finish(last: FrameDraft): void;
  close(error?: Error): void;
};

/** After how long without a byte going out; on which clock. */
export type Stall = { readonly clock: Clock; readonly afterMs: number };

export type FrameStreamOwner = {
  /** A peer that takes nothing of what is sent for so long loses the stream; absent where each frame has a limit of its own. */
  readonly stall?: Stall;
  onFrame(frame: Frame): void;
  /** The other side sent what is no frame; nothing more is read. */
  onGarbage(why: string): void;
  onClose(cause: unknown): void;
};

/** Small frames that wait for their turn to be sent together. */
type Batch = { readonly parts: Uint8Array[]; bytes: number; readonly sent: Promise<void> };

const unsentMax = 1024 * 1024;
const pieceBytes = 64 * 1024;
const finishMs = 2_000;

/** Frames over `stream`, which must be fresh: reading begins at once. */
export function createFrameStream(stream: Stream, owner: FrameStreamOwner): FrameStream {
  const state = { closed: false, deaf: false, held: false };
  let sending = Promise.resolve();
  let batch: Batch | undefined;
  const end = (cause: unknown): void => {
    if (state.closed) return;
    state.closed = true;
    owner.onClose(cause);
  };
  const close = (error?: Error): void => {
    if (!state.closed) stream.abort(error ?? new Error("closed"));
    end(error);
  };
  const readOn = readFrames(stream, owner, state);
  stream.addEventListener("remoteCloseWrite", () => close());
  stream.addEventListener("close", ({ error }) => end(error));
  const queue = (action: () => Promise<void> | undefined): Promise<void> => {
    const turn = sending.then(action);
    sending = turn.catch(() => {});
    return turn;
  };
  const writeOut = (parts: readonly Uint8Array[]): Promise<void> =>
    write(stream, parts, { state, stall: owner.stall }).catch((cause: Error) => {
      close(cause);
      throw cause;
    });
  /** Small frames that are sent while their predecessors wait go out as one: a frame of yamux costs more than 4 KiB of content. */
  const sendSmall = (bytes: Uint8Array): Promise<void> => {
    if (batch !== undefined && batch.bytes + bytes.length <= pieceBytes) {
      batch.parts.push(bytes);
      batch.bytes += bytes.length;
      return batch.sent;
    }
    const parts = [bytes];
    const sent = queue(() => {
      if (batch?.parts === parts) batch = undefined;
      return writeOut(gathered(parts));
    });
    batch = { parts, bytes: bytes.length, sent };
    return sent;
  };
  const send = (frame: FrameDraft, signal?: AbortSignal): Promise<void> => {
    const parts = gathered(encodeFrame(frame));
    const [small] = parts;
    if (parts.length === 1 && small !== undefined) return sendSmall(small);
    batch = undefined;
    return queue(() => (signal?.aborted ? undefined : writeOut(parts)));
  };
  const finish = (last: FrameDraft): void => {
    state.deaf = true;
    send(last)
      .then(() => stream.close({ signal: AbortSignal.timeout(finishMs) }))
      .then(
        () => close(),
        () => close(),
      );
  };
  // Pausing inside a message listener reopens the window on the way back: it must be its own task. Nobody is above a task to catch
  // what it throws: what waited is read before the window is reopened, and may have had the connection closed.
  const hold = (held: boolean): void => {
    state.held = held;
    queueMicrotask(() => {
      if (state.closed) return;
      try {
        if (held) stream.pause();
        else if (readOn()) stream.resume();
      } catch (cause) {
        close(new Error("the stream closed while it was held", { cause }));
      }
    });
  };
  return { send, hold, finish, close };
}

type Reading = { readonly closed: boolean; deaf: boolean; readonly held: boolean };

/**
 * Hands over frames as they arrive, unless the stream is held. Returned: reads what waits because of that; whether all of it was read,
 * and none holds the stream again. The library gives a stream that goes on all that came meanwhile in one event, some 200,000 of the
 * smallest frames: each would be begun before the first could stop the reading.
 */
function readFrames(stream: Stream, owner: FrameStreamOwner, state: Reading): () => boolean {
  const decoder = createFrameDecoder();
  const arrived: Uint8Array[] = [];
  let next = 0;
  const take = (piece: Uint8Array): void => {
    for (const frame of decoder.push(piece)) if (!state.closed && !state.deaf) owner.onFrame(frame);
  };
  const read = (): void => {
    for (let piece = arrived[next]; piece !== undefined && !state.held; piece = arrived[next]) {
      next += 1;
      take(piece);
    }
    if (next < arrived.length) return;
    arrived.length = 0;
    next = 0;
  };
  const readOn = (): boolean => {
    if (state.closed || state.deaf) return !state.closed;
    try {
      read();
    } catch (error) {
      state.deaf = true;
      owner.onGarbage(error instanceof Error ? error.message : String(error));
    }
    return !state.held && !state.closed;
  };
  stream.addEventListener("message", ({ data }) => {
    if (state.closed || state.deaf) return;
    for (const piece of data instanceof Uint8Array ? [data] : data) arrived.push(piece);
    readOn();
  });
  return readOn;
}

type Writing = { readonly state: { readonly closed: boolean }; readonly stall: Stall | undefined };

async function write(stream: Stream, parts: readonly Uint8Array[], { state, stall }: Writing): Promise<void> {
  for (const part of parts) {
    if (state.closed) throw new NetworkError("closed", "the stream closed");
    try {
      // What waits in the stream is a copy: the sender's buffers are his again as soon as this resolves.
      if (!stream.send(parts.length === 1 ? part : new Uint8Array(part))) await unlessStalled(stream, stall, stream.onDrain());
      while (stream.writeBufferLength > unsentMax) await unlessStalled(stream, stall, drained(stream));
    } catch (cause) {
      throw new NetworkError("closed", "the stream closed while sending", { cause });
    }
  }
}

/** What is waited for, as long as bytes go out meanwhile: who reads nothing would hold what waits for it, and all that peers may hold is bounded. */
function unlessStalled(stream: Stream, stall: Stall | undefined, wait: Promise<void>): Promise<void> {
  if (stall === undefined) return wait;
  return new Promise((resolve, reject) => {
    let left = stream.writeBufferLength;
    const look = (): void => {
      if (stream.writeBufferLength >= left) return reject(new Error("the peer reads nothing"));
      left = stream.writeBufferLength;
      timer = stall.clock.after(stall.afterMs, look);
    };
    let timer = stall.clock.after(stall.afterMs, look);
    wait.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Small parts joined into one write, large ones cut: a write costs more than the copy of a few bytes. */
function gathered(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (parts.length === 1 && size <= 2 * pieceBytes) return parts;
  if (size <= 2 * pieceBytes) return [Buffer.concat(parts)];
  return parts.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / pieceBytes) }, (_, i) => part.subarray(i * pieceBytes, (i + 1) * pieceBytes)),
  );
}

function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (action: () => void) => (): void => {
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
      action();
    };
    const onDrain = done(resolve);
    const onClose = done(() => reject(new Error("closed")));
    stream.addEventListener("drain", onDrain, { once: true });
    stream.addEventListener("close", onClose, { once: true });
  });
}
