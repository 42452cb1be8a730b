// How fast a node fills up, from what it told at several looks.

/** What a node held at a moment: bytes, and milliseconds by any clock that goes evenly. */
export type FillSample = { readonly atMs: number; readonly used: number };

/** Samples over less than this say nothing, milliseconds. */
const leastSpanMs = 600_000;
const hourMs = 3_600_000;

/** Bytes an hour that it gains: the slope of the line nearest to all samples (least squares); 0 where it loses, undefined where too little is known. Pure. */
export function fillPerHour(samples: readonly FillSample[]): number | undefined {
  const times = samples.map(({ atMs }) => atMs);
  const first = Math.min(...times);
  if (samples.length < 2 || Math.max(...times) - first < leastSpanMs) return undefined;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const hours = times.map((atMs) => (atMs - first) / hourMs);
  const [middle, level] = [mean(hours), mean(samples.map(({ used }) => used))];
  const rise = samples.reduce((sum, { used }, i) => sum + ((hours[i] ?? 0) - middle) * (used - level), 0);
  const run = hours.reduce((sum, hour) => sum + (hour - middle) ** 2, 0);
  return Math.max(0, rise / run);
}
