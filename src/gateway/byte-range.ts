// The Range header (RFC 9110, section 14): a single byte range of an object of known size.
import type { ByteRange } from "../client/farm-client.ts";

/** What a request asks for: everything, a part (end exclusive), or something outside of the object. */
export type RangeChoice = { readonly kind: "whole" } | { readonly kind: "part"; readonly range: ByteRange } | { readonly kind: "outside" };

const whole: RangeChoice = { kind: "whole" };
const outside: RangeChoice = { kind: "outside" };
// Positions beyond every object may have any number of digits: as numbers they are only larger than all that exist.
const single = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * The part of `size` bytes that `header` asks for. A header that is malformed or asks for several ranges counts as
 * absent, as the RFC allows.
 */
export function chooseRange(header: string | undefined, size: number): RangeChoice {
  const match = header === undefined ? null : single.exec(header);
  if (match === null) return whole;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return whole;
  if (first === "") return suffix(Number(last), size);
  const start = Number(first);
  if (last !== "" && Number(last) < start) return whole;
  if (start >= size) return outside;
  return { kind: "part", range: { start, end: last === "" ? size : Math.min(size, Number(last) + 1) } };
}

function suffix(length: number, size: number): RangeChoice {
  if (length === 0 || size === 0) return outside;
  return { kind: "part", range: { start: Math.max(0, size - length), end: size } };
}
