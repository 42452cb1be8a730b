// How fast one peer's stream is read: reading is held while too many requests or bytes are in work, or the peer asks
// faster than its rate allows.
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { TransportLimits } from "./transport-limits.ts";

export type Throttle = {
  /** A request of `bytes` came; the returned function ends it. */
  began(bytes: number): () => void;
  /** Bytes of an answer, until the returned function is called. */
  charge(bytes: number): () => void;
  stop(): void;
};

type Reading = {
  /** Stops and lets go on the reading. */
  hold(held: boolean): void;
  /** Bytes that may be in work now. */
  bytesMax(): number;
};

/** A throttle for one stream. */
export function createThrottle(clock: Clock, limits: TransportLimits, { hold, bytesMax }: Reading): Throttle {
  const load = { requests: 0, bytes: 0 };
  let allowance = limits.requestsBurst;
  let refilledAtMs = clock.monotonicMs();
  let held = false;
  let timer: Timer | undefined;
  const refill = (): void => {
    const nowMs = clock.monotonicMs();
    allowance = Math.min(limits.requestsBurst, allowance + ((nowMs - refilledAtMs) * limits.requestsPerSecond) / 1000);
    refilledAtMs = nowMs;
  };
  const weigh = (): void => {
    const full = load.requests >= limits.requestsInWorkMax || load.bytes >= bytesMax();
    if (allowance < 1 && timer === undefined) timer = clock.after(refillMs, onRefill);
    const wanted = full || allowance < 1;
    if (wanted !== held) hold(wanted);
    held = wanted;
  };
  const onRefill = (): void => {
    timer = undefined;
    refill();
    weigh();
  };
  const change = (requests: number, bytes: number): (() => void) => {
    load.requests += requests;
    load.bytes += bytes;
    weigh();
    return () => {
      load.requests -= requests;
      load.bytes -= bytes;
      weigh();
    };
  };
  const began = (bytes: number): (() => void) => {
    refill();
    allowance -= 1;
    return change(1, bytes);
  };
  return { began, charge: (bytes) => change(0, bytes), stop: () => timer?.cancel() };
}

// How long a peer that asks too fast is not read at a time.
const refillMs = 20;
