// Passing an abort on. `AbortSignal.any` would do, but a signal that lives as long as the program then keeps every signal
// made from it, with all that listens to it, in memory (measured: 1 KiB for each, with Node 24).

/** Aborts `controller` when `signal` does, with its reason. Returns how to undo that; must be called once it no longer matters. */
export function abortWith(controller: AbortController, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => {};
  const pass = (): void => controller.abort(signal.reason);
  if (signal.aborted) pass();
  signal.addEventListener("abort", pass, { once: true });
  return () => signal.removeEventListener("abort", pass);
}
