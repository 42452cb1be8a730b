// The source of an encryption, read in exact amounts: what is declared must come, and nothing more.
import { ClientError } from "../errors.ts";
import { sourcePieces } from "../source-pieces.ts";
import type { ClientPace } from "./client-pace.ts";

export type ByteSource = {
  /** Fills `target`. Rejects with `wrong-size` where the source ends before. */
  fill(target: Uint8Array): Promise<void>;
  /** Makes sure that nothing is left. Rejects with `wrong-size` otherwise. */
  end(): Promise<void>;
  /** Lets go of the source, read to its end or not. */
  close(): void;
};

/** Who is told how long each piece was waited for. */
type Watch = Pick<ClientPace, "waits" | "moved">;

/** Reads `stream`, of which `size` bytes are expected. Waiting ends with the signal's reason; the stream's own errors pass through. */
export function byteSource(stream: AsyncIterable<Uint8Array>, size: number, signal: AbortSignal, watch?: Watch): ByteSource {
  const pieces = sourcePieces(stream, signal);
  let rest: Uint8Array = new Uint8Array(0);
  let read = 0;

  async function more(): Promise<boolean> {
    watch?.waits();
    const piece = await pieces.next();
    watch?.moved(piece?.length ?? 0);
    if (piece === undefined) return false;
    rest = piece;
    return true;
  }

  return {
    fill: async (target) => {
      for (let filled = 0; filled < target.length; ) {
        if (rest.length === 0 && !(await more())) throw new ClientError("wrong-size", `the source ended after ${read} of ${size} bytes`);
        const part = rest.subarray(0, target.length - filled);
        target.set(part, filled);
        rest = rest.subarray(part.length);
        filled += part.length;
        read += part.length;
      }
    },
    end: async () => {
      while (rest.length === 0) if (!(await more())) return;
      throw new ClientError("wrong-size", `the source has more than the declared ${size} bytes`);
    },
    close: pieces.close,
  };
}

/** Bytes already in memory as a source. */
export function memorySource(bytes: Uint8Array): ByteSource {
  let offset = 0;
  return {
    fill: async (target) => {
      target.set(bytes.subarray(offset, offset + target.length));
      offset += target.length;
    },
    end: async () => undefined,
    close: () => undefined,
  };
}
