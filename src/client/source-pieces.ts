// A source of bytes, piece by piece as they are asked for, given up with a signal: one that stands still may never answer.

export type SourcePieces = {
  /** The next piece; undefined at the end. Rejects with the signal's reason, or what the source throws. */
  next(): Promise<Uint8Array | undefined>;
  /** Lets go of the source, read to its end or not. */
  close(): void;
};

/** The pieces of `source`, until `signal` aborts. */
export function sourcePieces(source: AsyncIterable<Uint8Array>, signal: AbortSignal): SourcePieces {
  const iterator = source[Symbol.asyncIterator]();
  // One listener for the whole source: a listener a piece would cost more than the piece.
  let giveUp: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => giveUp?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        giveUp = reject;
        iterator.next().then(({ done, value }) => resolve(done === true ? undefined : value), reject);
      }),
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
