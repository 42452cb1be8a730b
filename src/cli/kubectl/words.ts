// How the verbs write tables and times.

/** Rows in columns, each as wide as its widest cell. Pure. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((sizes, row) => row.map((cell, i) => Math.max(sizes[i] ?? 0, cell.length)), []);
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** How long ago `time` (RFC 3339) was at `nowMs`: "40 s", "3 min", "5 h", "12 d". "-" where it is no time. Pure. */
export function agoText(time: string | null | undefined, nowMs: number): string {
  const at = time === null || time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(at)) return "-";
  return durationText(Math.max(0, Math.round((nowMs - at) / 1000)));
}

/** A time in one unit, rounded down: "40 s", "3 min", "5 h", "12 d". Pure. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
