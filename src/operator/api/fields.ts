// The kinds of fields that manifests are made of. Each says in one phrase what is allowed, which is both its description
// in the JSON schema and the middle of the sentence a person reads when it is wrong.
import { z } from "zod";
import { describeBytes, parseQuantity, quantityPattern } from "./quantity.ts";

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const allowed = { error: `a whole number from ${min} to ${max}` };
  return z.int(allowed).min(min, allowed).max(max, allowed);
}

/** A quantity of bytes ("512Mi", 1048576) from `min` to `max` bytes, read as a number. */
export function byteQuantity(min: number, max: number): z.ZodType<number, string | number> {
  const allowed = { error: `an amount of bytes such as "512Mi", from ${describeBytes(min)} to ${describeBytes(max)}` };
  const text = z.union([z.string(allowed).regex(quantityPattern, allowed), z.int(allowed)], allowed);
  const inRange = (quantity: string | number): boolean => {
    const bytes = parseQuantity(quantity);
    return bytes !== undefined && bytes >= min && bytes <= max;
  };
  return text.refine(inRange, allowed).transform((quantity) => parseQuantity(quantity) ?? 0);
}

/** One of `words`. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T): z.ZodType<T[number]> {
  return z.enum(words, { error: words.length === 1 ? `"${words[0]}"` : `one of ${words.map((word) => `"${word}"`).join(", ")}` });
}

/** Lower-case letters, digits and hyphens, beginning and ending with a letter or digit: a DNS label of at most `lengthMax`. */
export function label(lengthMax: number): z.ZodType<string> {
  const allowed = { error: `1 to ${lengthMax} lower-case letters, digits and hyphens, a letter or digit first and last` };
  return z
    .string(allowed)
    .max(lengthMax, allowed)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, allowed);
}

/** A list of at most `countMax` of something. */
export function listOf<T, I>(item: z.ZodType<T, I>, what: string, countMax: number): z.ZodType<readonly T[], I[]> {
  const allowed = { error: `a list of at most ${countMax} ${what}` };
  return z.array(item, allowed).max(countMax, allowed);
}
