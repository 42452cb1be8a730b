// Amounts of bytes as people write them in manifests: "512Mi", "10Gi", "2G", or a plain number.

const factors: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The text of a quantity: digits, perhaps a fraction, perhaps a suffix. For JSON schemas. */
export const quantityPattern: RegExp = /^([0-9]+(?:\.[0-9]{1,6})?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/;

/** Bytes of a quantity such as "512Mi" or 1048576, rounded to whole bytes; undefined where it is not one or is over 2^53. */
export function parseQuantity(quantity: string | number): number | undefined {
  const parts = quantityPattern.exec(String(quantity).trim());
  if (parts === null) return undefined;
  const bytes = Math.round(Number(parts[1]) * (factors[parts[2] ?? ""] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact quantity of `bytes` with a binary suffix: 536870912 is "512Mi". */
export function writeQuantity(bytes: number): string {
  const suffix = ["Ti", "Gi", "Mi", "Ki"].find((unit) => bytes >= (factors[unit] ?? 1) && bytes % (factors[unit] ?? 1) === 0);
  return suffix === undefined ? String(bytes) : `${bytes / (factors[suffix] ?? 1)}${suffix}`;
}

/** `bytes` for a reader: at most one digit behind the point, "11.9 GiB". */
export function describeBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const power = Math.min(units.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${units[power] ?? "B"}`;
}
