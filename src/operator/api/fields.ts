// The kinds of fields that manifests are made of. Each says in one phrase what is allowed, which is both its description
// in the JSON schema and the middle of the sentence a person reads when it is wrong. What an API server has to check as
// well (`x-kubernetes-…`) stands beside it as metadata.
import { z } from "zod";
import { describeBytes, parseQuantity, quantityPattern, writeQuantity } from "./quantity.ts";

/** A rule that an API server checks: an expression in CEL, and the sentence where it does not hold. */
export type CelRule = { readonly rule: string; readonly message: string; readonly fieldPath?: string };

/** Metadata with which a field carries its rules for an API server. */
export function celRules(...rules: readonly CelRule[]): { readonly "x-kubernetes-validations": readonly CelRule[] } {
  return { "x-kubernetes-validations": rules };
}

/** Longest text of a quantity: 15 digits, a point, 6 digits, a suffix, and room. */
export const quantityLengthMax = 24;

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const allowed = { error: `a whole number from ${min} to ${max}` };
  return z.int(allowed).min(min, allowed).max(max, allowed);
}

/** A quantity of bytes ("512Mi", 1048576) from `min` to `max` bytes, read as a number. `rules`: further ones of an API server. */
export function byteQuantity(min: number, max: number, ...rules: readonly CelRule[]): z.ZodType<number, string | number> {
  const expected = `an amount of bytes such as "512Mi", from ${describeBytes(min)} to ${describeBytes(max)}`;
  const allowed = { error: expected };
  const text = z.union([z.string(allowed).max(quantityLengthMax, allowed).regex(quantityPattern, allowed), z.int(allowed)], allowed);
  const inRange = (quantity: string | number): boolean => {
    const bytes = parseQuantity(quantity);
    return bytes !== undefined && bytes >= min && bytes <= max;
  };
  const range = {
    rule: `type(self) == int ? self >= ${min} && self <= ${max} : quantity(self).compareTo(quantity('${writeQuantity(min)}')) >= 0 && quantity(self).compareTo(quantity('${writeQuantity(max)}')) <= 0`,
    message: `expected ${expected}`,
  };
  return text
    .refine(inRange, allowed)
    .transform((quantity) => parseQuantity(quantity) ?? 0)
    .meta({ "x-kubernetes-int-or-string": true, ...celRules(range, ...rules) });
}

/** Processor time as Kubernetes writes it: "100m", "2". */
export function cpuQuantity(): z.ZodType<string> {
  const allowed = { error: 'processor time such as "100m" or "2"' };
  return z
    .string(allowed)
    .max(12, allowed)
    .regex(/^[0-9]+(\.[0-9]{1,3}|m)?$/, allowed);
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

/** Text of at most `lengthMax` characters that `pattern` allows; `what` says which. */
export function textOf(what: string, pattern: RegExp, lengthMax: number): z.ZodType<string> {
  const allowed = { error: what };
  return z.string(allowed).max(lengthMax, allowed).regex(pattern, allowed);
}

/** The name of an object of a cluster: a DNS subdomain. */
export function objectName(): z.ZodType<string> {
  return textOf("a name of lower-case letters, digits, hyphens and points", /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 253);
}

/** The key of a label or annotation: a name, perhaps behind a domain and a slash. */
export function labelKey(): z.ZodType<string> {
  return textOf('a label key such as "topology.kubernetes.io/zone"', labelKeyPattern, 317);
}

const labelKeyPattern = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** A mapping of at most `countMax` keys as labels have them to texts of at most `lengthMax` characters. */
export function textMap(what: string, countMax: number, lengthMax: number): z.ZodType<Readonly<Record<string, string>>> {
  const allowed = { error: `a mapping of at most ${countMax} ${what}` };
  return z
    .record(labelKey(), z.string(allowed).max(lengthMax, allowed), allowed)
    .refine((map) => Object.keys(map).length <= countMax, allowed)
    .meta({ maxProperties: countMax });
}

/** A list of `countMin` to `countMax` of something. */
export function listOf<T, I>(item: z.ZodType<T, I>, what: string, countMax: number, countMin = 0): z.ZodType<readonly T[], I[]> {
  const allowed = { error: `a list of at most ${countMax} ${what}` };
  const list = z.array(item, allowed).max(countMax, allowed);
  return countMin === 0 ? list : list.min(countMin, allowed);
}

/** The error of a mapping that is none. */
export const anObject: { readonly error: string } = { error: "a mapping of fields" };
