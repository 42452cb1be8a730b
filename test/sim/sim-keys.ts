// Keys of a simulation by kind and number: the same in every run.
import { type SigningKey, signingKeyFromSeed } from "../../src/protocol/keys.ts";

const kinds = { owner: 1, node: 2, vault: 3, client: 4 } as const;

/** The 32-byte seed of a key. */
export function simSeed(kind: keyof typeof kinds, number: number): Uint8Array {
  const seed = new Uint8Array(32).fill(kinds[kind]);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
}

/** A signing key. */
export function simKey(kind: keyof typeof kinds, number: number): SigningKey {
  return signingKeyFromSeed(simSeed(kind, number));
}
