// Remembers nonces until they expire, so that a signed request is carried out once. Bounded: a full cache refuses.

/** Which nonces were used. */
export type NonceCache = {
  /** True the first time a nonce is shown before its expiry; false for a repetition, or while the cache is full. All times wall milliseconds. */
  use(nonce: string, notAfterMs: number, wallMs: number): boolean;
};

/** A cache of at most `countMax` unexpired nonces. */
export function createNonceCache(countMax = 4096): NonceCache {
  const expiries = new Map<string, number>();
  const dropExpired = (wallMs: number): void => {
    for (const [nonce, notAfterMs] of expiries) if (notAfterMs < wallMs) expiries.delete(nonce);
  };
  const use = (nonce: string, notAfterMs: number, wallMs: number): boolean => {
    if (notAfterMs < wallMs || expiries.has(nonce)) return false;
    if (expiries.size >= countMax) dropExpired(wallMs);
    if (expiries.size >= countMax) return false;
    expiries.set(nonce, notAfterMs);
    return true;
  };
  return { use };
}
