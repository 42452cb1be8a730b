// The sending end of a lane: transfers one after another, cut into pieces that are each written when the one before has
// left this process. So at most one piece waits in memory, and a transfer can be taken back between two pieces.
import type { Writable } from "node:stream";
import { chunkHeadBytes, revokedLength, writeChunkHead } from "./lane-format.ts";

export type LaneSender = {
  push(transfer: number, chunks: readonly Uint8Array[]): void;
  /** Takes back a transfer; what is left of a chunk on its way is sent as zeros, which nobody reads. */
  cancel(transfer: number): void;
  idle(): boolean;
};

type Queued = { readonly transfer: number; readonly chunks: readonly Uint8Array[]; cancelled: boolean };

// Written in one go with what the processor's cache still holds; larger pieces cost more, smaller ones more calls.
const pieceBytes = 256 * 1024;
// A chunk's head goes out with its first bytes, as one full TLS record: a write of its own would cost a system call.
const firstPieceBytes = 16 * 1024;
// What was sent and is not let go of is still in memory: as much as one largest chunk.
const heldMax = 4 * 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/**
 * Sends over `socket`; `letGo` is told of each transfer once none of its bytes is needed any more: of a sent one a little later
 * while others follow it.
 */
export function createLaneSender(socket: Writable, letGo: (transfers: readonly number[]) => void): LaneSender {
  const queue: Queued[] = [];
  const sent = createReleases(letGo);
  let pieces: Iterator<Uint8Array> | undefined;
  let writing = false;
  const written = (): void => {
    writing = false;
    pump();
  };
  const pump = (): void => {
    while (!writing && !socket.destroyed) {
      const current = queue[0];
      if (current === undefined) return;
      pieces ??= piecesOf(current);
      const next = pieces.next();
      if (next.done) {
        pieces = undefined;
        queue.shift();
        // The last write has handed its bytes to the cipher already: nothing else was under way.
        if (!current.cancelled) sent.add(current);
        if (queue.length === 0) sent.flush();
      } else {
        writing = true;
        socket.write(next.value, written);
      }
    }
  };
  const cancel = (transfer: number): void => {
    const at = queue.findIndex((queued) => queued.transfer === transfer);
    const queued = queue[at];
    // It may be sent already and somebody waits for its end.
    if (queued === undefined) return sent.flush();
    if (queued.cancelled) return;
    queued.cancelled = true;
    letGo([transfer]);
  };
  const push = (transfer: number, chunks: readonly Uint8Array[]): void => {
    queue.push({ transfer, chunks, cancelled: false });
    pump();
  };
  return { push, cancel, idle: () => queue.length === 0 && !writing };
}

/** Transfers that were sent, told of together: each message wakes the main thread, which costs it more than what it then does. */
function createReleases(letGo: (transfers: readonly number[]) => void): { add(sent: Queued): void; flush(): void } {
  let held: number[] = [];
  let heldBytes = 0;
  const flush = (): void => {
    if (held.length > 0) letGo(held);
    held = [];
    heldBytes = 0;
  };
  const add = ({ transfer, chunks }: Queued): void => {
    held.push(transfer);
    heldBytes += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (heldBytes >= heldMax) flush();
  };
  return { add, flush };
}

function* piecesOf(queued: Queued): Generator<Uint8Array> {
  const { transfer, chunks } = queued;
  for (const chunk of chunks) {
    if (queued.cancelled) break;
    const first = Buffer.allocUnsafe(Math.min(chunkHeadBytes + chunk.length, firstPieceBytes));
    writeChunkHead(first, transfer, chunk.length);
    first.set(chunk.subarray(0, first.length - chunkHeadBytes), chunkHeadBytes);
    yield first;
    for (let offset = first.length - chunkHeadBytes; offset < chunk.length; offset += pieceBytes) {
      const end = Math.min(offset + pieceBytes, chunk.length);
      yield queued.cancelled ? zeros.subarray(0, end - offset) : chunk.subarray(offset, end);
    }
  }
  if (!queued.cancelled) return;
  const head = Buffer.alloc(chunkHeadBytes);
  writeChunkHead(head, transfer, revokedLength);
  yield head;
}
