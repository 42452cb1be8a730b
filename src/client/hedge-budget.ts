// How many second holders may be asked only because the first is late: a share of all reads, so that a farm that is slow
// everywhere does not get the double load.

export type HedgeBudget = {
  /** A read began. */
  earn(): void;
  /** Whether one more may be asked now; takes it where so. */
  take(): boolean;
};

/** A budget that is full at first. */
export function createHedgeBudget({ share, burst }: { readonly share: number; readonly burst: number }): HedgeBudget {
  let left = burst;
  return {
    earn: () => {
      left = Math.min(burst, left + share);
    },
    take: () => {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
