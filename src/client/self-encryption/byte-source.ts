// The source of an encryption, read in exact amounts: what is declared must come, and nothing more.
import { ClientError } from "../errors.ts";

export type ByteSource = {
  /** Fills `target`. Rejects with `wrong-size` where the source ends before. */
  fill(target: Uint8Array): Promise<void>;
  /** Makes sure that nothing is left. Rejects with `wrong-size` otherwise. */
  end(): Promise<void>;
  /** Lets go of the source, read to its end or not. */
  close(): void;
};

/** Reads `stream`, of which `size` bytes are expected. Waiting ends with the signal's reason; the stream's own errors pass through. */
export function byteSource(stream: AsyncIterable<Uint8Array>, size: number, signal: AbortSignal): ByteSource {
  const iterator = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  let read = 0;
  // One listener for the whole source: a listener a piece would cost more than the piece.
  let giveUp: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => giveUp?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });

  function next(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      giveUp = reject;
      iterator.next().then(resolve, reject);
    });
  }

  async function more(): Promise<boolean> {
    const result = await next();
    if (result.done === true) return false;
    rest = result.value;
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
    close: () => {
      signal.removeEventListener("abort", onAbort);
      // A source that is still waited for may never answer: its end is asked for, not waited for.
      iterator.return?.().then(
        () => undefined,
        () => undefined,
      );
    },
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
