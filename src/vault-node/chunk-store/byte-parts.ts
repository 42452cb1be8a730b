// Parts of bytes that stand one after another, and a range of them without a copy. Pure.

/** Bytes of all parts. */
export function partsLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The bytes `from` to `to` of all parts together, as views. */
export function partsBetween(parts: readonly Uint8Array[], from: number, to: number): readonly Uint8Array[] {
  const between: Uint8Array[] = [];
  let start = 0;
  for (const part of parts) {
    const [first, end] = [Math.max(0, from - start), Math.min(part.length, to - start)];
    if (first < end) between.push(part.subarray(first, end));
    start += part.length;
  }
  return between;
}
