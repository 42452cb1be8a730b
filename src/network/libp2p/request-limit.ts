// The end of a request's patience, by its time limit or because the caller gave up.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { NetworkError } from "../errors.ts";
import type { RequestOptions } from "../peers.ts";

/** `signal` aborts with a NetworkError (`timeout` or `aborted`), as which `passed` rejects. `clear` must be called in the end. */
export type RequestLimit = { readonly signal: AbortSignal; readonly passed: Promise<never>; clear(): void };

/** The limit of a request that begins now. */
export function startLimit({ timeoutMs, signal }: RequestOptions, clock: Clock, peer: PeerId | undefined): RequestLimit {
  const over = new AbortController();
  const { promise: passed, reject } = Promise.withResolvers<never>();
  passed.catch(() => {});
  const whom = peer ?? "the peer";
  const end = (error: NetworkError): void => {
    over.abort(error);
    reject(error);
  };
  const timer = clock.after(timeoutMs, () => end(new NetworkError("timeout", `no answer from ${whom} within ${timeoutMs} ms`, { peer })));
  const abort = (): void => end(new NetworkError("aborted", "the caller gave up", { peer, cause: signal?.reason }));
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  const clear = (): void => {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  };
  return { passed, signal: over.signal, clear };
}
