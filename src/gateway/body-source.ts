// The body of a request as the bytes of an upload: pulled at the pace of whoever stores them, with limits on size and on
// standing still, and without ending the connection when the upload is refused half way.
import type { Readable } from "node:stream";
import { giveBack } from "../client/self-encryption/give-back.ts";
import type { Clock } from "../runtime/clock.ts";
import { GatewayError } from "./errors.ts";
import { afterPatience } from "./patience.ts";

export type BodyLimits = {
  readonly sizeMax: number;
  /** How long a sender is waited for, milliseconds; what it sends buys time again, at `rateMin` bytes a second. */
  readonly idleMs: number;
  readonly rateMin: number;
  /** Whether a piece's memory is freed when the next one is asked for, for takers that copy: left to the collector, bodies make it run all the time. */
  readonly givesBack?: boolean;
  /** Called with the size of every piece before it is passed on; may throw or reject to refuse it. */
  readonly onBytes?: (bytes: number) => void | Promise<void>;
};

export type BodySource = AsyncIterable<Uint8Array> & {
  /** Why the source ended early, if it did: the first cause, whatever was made of it on the way. */
  failure(): GatewayError | undefined;
};

/** The pieces of `stream`. Iterating throws a GatewayError `too-large`, `slow-upload` or `aborted`, or what `onBytes` throws. */
export function createBodySource(stream: Readable, limits: BodyLimits, clock: Clock): BodySource {
  let failed: GatewayError | undefined;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let size = 0;
    let patienceMs = limits.idleMs;
    // The connection must outlive a refused body: it still has to carry the answer.
    const iterator = stream.iterator({ destroyOnReturn: false });
    try {
      for (;;) {
        const askedMs = clock.monotonicMs();
        const next = await nextWithin(iterator, patienceMs, clock);
        if (next.done === true) return;
        const piece = next.value as Uint8Array;
        size += piece.length;
        const earnedMs = (piece.length / limits.rateMin) * 1000 - (clock.monotonicMs() - askedMs);
        patienceMs = Math.min(limits.idleMs, patienceMs + earnedMs);
        if (size > limits.sizeMax) throw new GatewayError("too-large", `at most ${limits.sizeMax} bytes are taken here`);
        await limits.onBytes?.(piece.length);
        yield piece;
        if (limits.givesBack === true) giveBack(piece);
      }
    } catch (cause) {
      failed = cause instanceof GatewayError ? cause : new GatewayError("aborted", "the body ended before it was complete", { cause });
      throw failed;
    } finally {
      // Lets go of the stream, so that what is left of the body can be read away. Not awaited: a sender that stands still
      // would hold it up.
      void iterator.return?.().catch(() => {});
    }
  }
  return { [Symbol.asyncIterator]: pieces, failure: () => failed };
}

async function nextWithin(iterator: AsyncIterator<unknown>, patienceMs: number, clock: Clock): Promise<IteratorResult<unknown>> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(new GatewayError("slow-upload", "too little of the body arrived for too long"));
  const timer = afterPatience(clock, patienceMs, giveUp);
  try {
    return await Promise.race([iterator.next(), late]);
  } finally {
    timer.cancel();
  }
}

/** The whole body in one array of at most `limits.sizeMax` bytes. Rejects as iterating does. */
export async function readWholeBody(source: BodySource): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : new Uint8Array(Buffer.concat(pieces));
}
