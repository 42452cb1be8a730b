// The body of an answer out of pieces that are only lent: each is handed to the socket as it is, and the next is asked for
// once it has left. So nothing is copied and nothing is left for the collector, which otherwise runs every few dozen MiB.
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Clock } from "../runtime/clock.ts";
import { sendPieceMax } from "./limits.ts";
import { afterPatience } from "./patience.ts";

export type SendParts = {
  readonly clock: Clock;
  /** A reader that takes nothing for so long loses its connection, milliseconds. */
  readonly idleMs: number;
  onSent(bytes: number): void;
};

/**
 * Sends status and headers of `reply`, then the pieces; resolves once all have left or the connection is gone. Rejects with
 * the first error before the head was sent; one after it ends the connection, since a body cut short says so by itself.
 */
export async function sendLentPieces(reply: FastifyReply, pieces: AsyncIterable<Uint8Array>, parts: SendParts): Promise<void> {
  const iterator = pieces[Symbol.asyncIterator]();
  // Before the head: until then an error can still become a problem document.
  const first = await iterator.next();
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  try {
    for (let next = first; next.done !== true; next = await iterator.next()) {
      await leave(raw, next.value, parts);
      parts.onSent(next.value.length);
    }
    raw.end();
  } catch {
    raw.destroy();
  } finally {
    await iterator.return?.();
  }
}

/** The same for bytes that are all there. */
export function sendBytes(reply: FastifyReply, bytes: Uint8Array, parts: SendParts): Promise<void> {
  return sendLentPieces(reply, inPieces(bytes), parts);
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += sendPieceMax) yield bytes.subarray(start, start + sendPieceMax);
}

/** Resolves once no byte of `piece` is needed any more. Rejects where the connection closed. */
function leave(raw: ServerResponse, piece: Uint8Array, { clock, idleMs }: SendParts): Promise<void> {
  return new Promise((resolve, reject) => {
    const idle = afterPatience(clock, idleMs, () => raw.destroy());
    const settle = (error?: Error | null): void => {
      idle.cancel();
      raw.off("close", closed);
      if (error) reject(error);
      else resolve();
    };
    const closed = (): void => settle(new Error("the reader went away"));
    raw.once("close", closed);
    if (raw.destroyed) closed();
    else raw.write(piece, settle);
  });
}
