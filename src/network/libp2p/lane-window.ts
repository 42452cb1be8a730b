// What one side of a lane may ask of the other at once: bytes of requests that are not answered yet. Both ends count by
// the same rule, the asker before it sends, the answerer as it reads; so who keeps the rule is never refused.

export type LaneWindow = {
  /** Whether a request of `bytes` may be begun. */
  fits(bytes: number): boolean;
  /** Counts a request until `give`. Throws a RangeError where it does not fit or is there already. */
  take(id: number, bytes: number): void;
  give(id: number): void;
  /** Requests under way. */
  size(): number;
};

/** Requests at once: even the smallest weighs its share of the window, so that it bounds their number too. */
export const requestsMax = 32;

/** A window of `bytesMax`: 0 lets nothing through, otherwise a request larger than all of it goes alone. */
export function createLaneWindow(bytesMax: number): LaneWindow {
  const weights = new Map<number, number>();
  let used = 0;
  const weigh = (bytes: number): number => Math.max(bytes, bytesMax / requestsMax);
  const fits = (bytes: number): boolean => bytesMax > 0 && (used === 0 || used + weigh(bytes) <= bytesMax);
  const take = (id: number, bytes: number): void => {
    if (weights.has(id) || !fits(bytes)) throw new RangeError("more asked than the lane's window allows");
    weights.set(id, weigh(bytes));
    used += weigh(bytes);
  };
  const give = (id: number): void => {
    used -= weights.get(id) ?? 0;
    weights.delete(id);
  };
  return { fits, take, give, size: () => weights.size };
}

/** Windows that this side grants, bounded over all lanes. */
export type Grants = { take(bytes: number): Grant };

/** `bytes`: 0 where no more may be granted. */
export type Grant = { readonly bytes: number; give(): void };

/** Grants of at most `bytesMax` together. */
export function createGrants(bytesMax: number): Grants {
  let granted = 0;
  const take = (wanted: number): Grant => {
    let bytes = granted + wanted <= bytesMax ? wanted : 0;
    granted += bytes;
    const grant = { bytes };
    const give = (): void => {
      granted -= bytes;
      bytes = 0;
    };
    return { ...grant, give };
  };
  return { take };
}
