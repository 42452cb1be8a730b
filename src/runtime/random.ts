// Randomness, handed in: the machine's for keys and tokens, a seeded one where a run must be repeatable.
import { randomBytes } from "node:crypto";

export type Random = {
  /** `length` unpredictable bytes (predictable only from a seeded source). */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
};

/** The machine's cryptographic randomness. */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};

/** A repeatable source for simulations and tests, never for keys of real farms. Algorithm: mulberry32 (public domain, T. Ettinger). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff), fraction: () => next() / 2 ** 32 };
}
