// The sending end of a lane: notes and transfers one after another, cut into pieces that are each written when the one before has
// left this process. So at most one piece waits in memory, and a transfer can be taken back between two pieces.
import type { Writable } from "node:stream";
import { chunkHeadBytes, noteTransfer, revokedLength, writeChunkHead } from "./lane-format.ts";

/** `note`: a frame with its length, sent before the chunks of its transfer; `transfer` 0 for one without. */
export type Sending = { readonly transfer: number; readonly note: Uint8Array | undefined; readonly chunks: readonly Uint8Array[] };

export type LaneSender = {
  push(sending: Sending): void;
  /** Takes back a transfer; what is left of a chunk on its way is sent as zeros, which nobody reads. */
  cancel(transfer: number): void;
  /** Whether anything of the transfer is still to be written. */
  has(transfer: number): boolean;
  idle(): boolean;
  /** Bytes of notes without chunks that are still to be written. */
  noteBytes(): number;
};

/** No byte of these transfers is needed any more; `unsent`: nor will the other side have them. */
export type LetGo = (transfers: readonly number[], unsent: boolean) => void;

type Queued = Sending & { cancelled: boolean };

// Written in one go with what the processor's cache still holds; larger pieces cost more, smaller ones more calls.
const pieceBytes = 256 * 1024;
// A chunk's head goes out with its first bytes, as one full TLS record: a write of its own would cost a system call.
const firstPieceBytes = 16 * 1024;
// What was sent and is not let go of is still in memory: as much as one largest chunk.
const heldMax = 4 * 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);
const nothing = Buffer.alloc(0);

/**
 * Sends over `socket`; `letGo` is told of each transfer once none of its bytes is needed any more: of a sent one a little later
 * while others follow it.
 */
export function createLaneSender(socket: Writable, letGo: LetGo): LaneSender {
  const queue: Queued[] = [];
  const sent = createReleases(letGo);
  let pieces: Iterator<Uint8Array> | undefined;
  let writing = false;
  let noteBytes = 0;
  const written = (): void => {
    writing = false;
    pump();
  };
  /** All of the first in line is written. */
  const finish = (current: Queued, revoked: boolean): void => {
    pieces = undefined;
    queue.shift();
    noteBytes -= aloneBytes(current);
    // The last write has handed its bytes to the cipher already: nothing else was under way.
    if (!current.cancelled && current.transfer !== noteTransfer) sent.add(current);
    if (revoked && current.note !== undefined) letGo([current.transfer], true);
    if (queue.length === 0) sent.flush();
  };
  const pump = (): void => {
    while (!writing && !socket.destroyed) {
      const current = queue[0];
      if (current === undefined) return;
      pieces ??= piecesOf(current);
      const next = pieces.next();
      if (next.done) finish(current, next.value === "revoked");
      else {
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
    // Of a transfer announced elsewhere the other side must hear; of one whose note never left it need not.
    const unseen = queued.note !== undefined && (at > 0 || pieces === undefined);
    if (unseen) {
      queue.splice(at, 1);
      noteBytes -= aloneBytes(queued);
    }
    letGo([transfer], unseen);
  };
  const push = (sending: Sending): void => {
    queue.push({ ...sending, cancelled: false });
    noteBytes += aloneBytes(sending);
    pump();
  };
  const has = (transfer: number): boolean => queue.some((queued) => queued.transfer === transfer);
  return { push, cancel, has, idle: () => queue.length === 0 && !writing, noteBytes: () => noteBytes };
}

/** Bytes of a note that has no chunks behind it, which nobody but the sender holds any more. */
function aloneBytes({ note, chunks }: Sending): number {
  return chunks.length === 0 ? (note?.length ?? 0) : 0;
}

/** Transfers that were sent, told of together: each message wakes the main thread, which costs it more than what it then does. */
function createReleases(letGo: LetGo): { add(sent: Queued): void; flush(): void } {
  let held: number[] = [];
  let heldBytes = 0;
  const flush = (): void => {
    if (held.length > 0) letGo(held, false);
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

/** The pieces to be written; ends with "revoked" where it was cancelled before the last chunk was begun. */
function* piecesOf(queued: Queued): Generator<Uint8Array, "whole" | "revoked"> {
  const { transfer, chunks } = queued;
  let before = queued.note === undefined ? nothing : noteBytes(queued.note);
  if (chunks.length === 0) yield before;
  for (const chunk of chunks) {
    if (queued.cancelled) {
      const head = Buffer.alloc(chunkHeadBytes);
      writeChunkHead(head, 0, { transfer, length: revokedLength });
      yield head;
      return "revoked";
    }
    const first = firstPiece(before, transfer, chunk);
    const start = first.length - before.length - chunkHeadBytes;
    before = nothing;
    yield first;
    for (let offset = start; offset < chunk.length; offset += pieceBytes) {
      const end = Math.min(offset + pieceBytes, chunk.length);
      yield queued.cancelled ? zeros.subarray(0, end - offset) : chunk.subarray(offset, end);
    }
  }
  return "whole";
}

/** A note with its head, of which its own length is the second half. */
function noteBytes(note: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + note.length);
  bytes.writeUInt32BE(noteTransfer, 0);
  bytes.set(note, 4);
  return bytes;
}

/** What goes before a chunk, its head and its first bytes. */
function firstPiece(before: Buffer, transfer: number, chunk: Uint8Array): Buffer {
  const headEnd = before.length + chunkHeadBytes;
  const first = Buffer.allocUnsafe(Math.min(headEnd + chunk.length, Math.max(headEnd, firstPieceBytes)));
  first.set(before, 0);
  writeChunkHead(first, before.length, { transfer, length: chunk.length });
  first.set(chunk.subarray(0, first.length - headEnd), headEnd);
  return first;
}
