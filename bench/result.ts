// What a bench reports, and the arithmetic all benches share: medians of interleaved runs, CPU-seconds per GiB.

/** One figure: its median, least and most over the runs; `ratio` = median ÷ the reference's median of the same runs. */
export type Result = {
  readonly bench: string;
  readonly what: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
  readonly cpuSecondsPerGiB?: number;
  readonly reference?: { readonly what: string; readonly median: number };
  readonly ratio?: number;
};

/**
 * `minutes`: how long a bench that watches goes on; `gib`: how much one that fills a farm stores, before copies; `farms`: how
 * many the operator's has; where it was said.
 */
export type BenchOptions = { readonly runs: number; readonly minutes?: number; readonly gib?: number; readonly farms?: number };
/** `onlyNamed`: takes so long that it runs only where it is asked for by name. */
export type Bench = {
  readonly name: string;
  readonly run: (options: BenchOptions) => Promise<readonly Result[]>;
  readonly onlyNamed?: true;
};

/** The middle of `values` (the mean of the two middle ones for an even count). Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  if (low === undefined || high === undefined) throw new RangeError("a median needs at least one value");
  return (low + high) / 2;
}

/** The value below which the share `fraction` (0 to 1) of `values` lies. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** A result from the values of all runs. */
export function summarise(
  head: Pick<Result, "bench" | "what" | "unit">,
  values: readonly number[],
  more: Partial<Pick<Result, "cpuSecondsPerGiB" | "reference" | "ratio">> = {},
): Result {
  return { ...head, median: median(values), min: Math.min(...values), max: Math.max(...values), runs: values.length, ...more };
}
