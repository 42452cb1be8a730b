// Readers of one chunk who come together cost one fetch, however many they are and whoever of them leaves; its memory is
// given back once the last of them needs it no longer.
import type { Address } from "../protocol/address.ts";
import { abortError } from "./chunk-read.ts";
import type { PaceClass } from "./peer-pace.ts";
import type { FetchedChunk } from "./self-encryption/sealed-object.ts";

/** `kind`: what size is expected. */
type Fetch = (address: Address, kind: PaceClass, signal: AbortSignal) => Promise<FetchedChunk>;
/** `waiting` for it to land, or `reading` what landed. */
type Flight = { readonly landed: Promise<FetchedChunk>; readonly ending: AbortController; waiting: number; reading: number };

/** `fetch` with one call at a time for each address. It is ended once nobody waits for it any more; who gives up gets a `ClientError`. */
export function shareFetches(fetch: Fetch): Fetch {
  const flights = new Map<Address, Flight>();
  const forget = (address: Address, flight: Flight): void => {
    if (flights.get(address) === flight) flights.delete(address);
  };
  const begin = (address: Address, kind: PaceClass): Flight => {
    const ending = new AbortController();
    const flight: Flight = { landed: fetch(address, kind, ending.signal), ending, waiting: 0, reading: 0 };
    flights.set(address, flight);
    flight.landed.finally(() => forget(address, flight)).catch(() => {});
    return flight;
  };
  return async (address, kind, signal) => {
    if (signal.aborted) throw abortError(signal.reason);
    const flight = flights.get(address) ?? begin(address, kind);
    flight.waiting += 1;
    try {
      const chunk = await orAborted(flight.landed, signal);
      flight.reading += 1;
      return { bytes: chunk.bytes, release: once(() => leave(flight, "reading")) };
    } finally {
      leave(flight, "waiting");
      if (flight.waiting + flight.reading === 0) {
        forget(address, flight);
        flight.ending.abort(signal.reason);
      }
    }
  };
}

function leave(flight: Flight, as: "waiting" | "reading"): void {
  flight[as] -= 1;
  if (flight.waiting + flight.reading > 0) return;
  // It may still land, or never have.
  void flight.landed.then(
    (chunk) => chunk.release(),
    () => {},
  );
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(abortError(signal.reason));
    signal.addEventListener("abort", giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
