// Bytes in memory by name, those not read for long dropped first, bounded by bytes; and one flight at a time for each
// name, so that a thousand readers of one chunk cost one fetch.

export type ByteCache<T extends Uint8Array = Uint8Array> = {
  get(name: string): T | undefined;
  put(name: string, bytes: T): void;
  /** Bytes held now, with what each entry costs beside its content. */
  bytes(): number;
};

/** What an entry costs beside its bytes: map slot, key text, array header. */
const entryOverhead = 256;

type Entry<T> = { readonly bytes: T; used: boolean };

/**
 * A cache that holds at most `bytesMax`; a single entry takes at most a quarter of it. An entry read since it was last
 * looked at for dropping is spared once (second chance): a read costs one look-up and moves nothing.
 */
export function createByteCache<T extends Uint8Array = Uint8Array>(bytesMax: number): ByteCache<T> {
  const entries = new Map<string, Entry<T>>();
  let held = 0;
  const drop = (name: string, { bytes }: Entry<T>): void => {
    entries.delete(name);
    held -= bytes.length + entryOverhead;
  };
  const makeRoom = (): void => {
    // Spared entries go to the end unmarked, so that two turns at most find something to drop.
    for (const [name, entry] of entries) {
      if (held <= bytesMax) return;
      if (!entry.used) drop(name, entry);
      else {
        entry.used = false;
        entries.delete(name);
        entries.set(name, entry);
      }
    }
  };
  return {
    get: (name) => {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      entry.used = true;
      return entry.bytes;
    },
    put: (name, bytes) => {
      if (bytes.length + entryOverhead > bytesMax / 4) return;
      const known = entries.get(name);
      if (known !== undefined) drop(name, known);
      entries.set(name, { bytes, used: false });
      held += bytes.length + entryOverhead;
      makeRoom();
    },
    bytes: () => held,
  };
}

type Flight<T> = { readonly landed: Promise<T>; readonly abort: AbortController; passengers: number };

/** Joins calls for one name that overlap in time. A caller that gives up leaves; the last one to leave ends the flight. */
export type SingleFlight<T> = (name: string, fetch: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Calls for one name that overlap share one `fetch`. Rejects with the signal's reason for a caller that gave up. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();
  const begin = (name: string, fetch: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const abort = new AbortController();
    const flight: Flight<T> = { abort, passengers: 0, landed: fetch(abort.signal).finally(() => forget(name, flight)) };
    flights.set(name, flight);
    return flight;
  };
  const forget = (name: string, flight: Flight<T>): void => {
    if (flights.get(name) === flight) flights.delete(name);
  };
  return async (name, fetch, signal) => {
    signal.throwIfAborted();
    const flight = flights.get(name) ?? begin(name, fetch);
    flight.passengers += 1;
    try {
      return await orAborted(flight.landed, signal);
    } finally {
      flight.passengers -= 1;
      if (flight.passengers === 0) {
        forget(name, flight);
        flight.abort.abort();
      }
    }
  };
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
