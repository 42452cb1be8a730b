// A budget of bytes in flight: who wants more than is left waits in line, first come first served.

export type ByteBudget = {
  /** Resolves once `bytes` are free, with the function that gives them back. Rejects with the signal's reason. More than the whole budget is let through alone. */
  take(bytes: number, signal: AbortSignal): Promise<() => void>;
  /** Spends `bytes` at once, over the budget where need be: for what is already in memory. */
  charge(bytes: number): () => void;
  used(): number;
};

type Waiting = { readonly bytes: number; readonly grant: () => void };

/** A budget of `bytesMax`, or of what that says at each moment. */
export function createByteBudget(bytesMax: number | (() => number)): ByteBudget {
  const max = typeof bytesMax === "number" ? (): number => bytesMax : bytesMax;
  let used = 0;
  const line = new Set<Waiting>();
  const fits = (bytes: number): boolean => used === 0 || used + bytes <= max();
  const serve = (): void => {
    for (const waiting of line) {
      if (!fits(waiting.bytes)) return;
      line.delete(waiting);
      waiting.grant();
    }
  };
  const spend = (bytes: number): (() => void) => {
    let given = false;
    used += bytes;
    return () => {
      if (given) return;
      given = true;
      used -= bytes;
      serve();
    };
  };
  const take = (bytes: number, signal: AbortSignal): Promise<() => void> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (line.size === 0 && fits(bytes)) return Promise.resolve(spend(bytes));
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        line.delete(waiting);
        reject(signal.reason);
        serve();
      };
      const grant = (): void => {
        signal.removeEventListener("abort", stop);
        resolve(spend(bytes));
      };
      const waiting = { bytes, grant };
      line.add(waiting);
      signal.addEventListener("abort", stop, { once: true });
    });
  };
  return { take, charge: spend, used: () => used };
}
