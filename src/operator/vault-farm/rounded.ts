// Numbers for a status: two significant digits, so that they seldom change.

/** `count` with two significant digits. */
export function roundedCount(count: number): number {
  return Number(count.toPrecision(2));
}

/** `bytes` as a quantity with two significant digits: "1.2Gi", "950Mi", "0". */
export function roundedBytes(bytes: number): string {
  const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(2))}${units[power] ?? ""}`;
}
